# Imitates the part of tmux that detached jobs need, on computers that have none: new-session -d, has-session,
# list-sessions, list-panes, kill-session, kill-server. A session is a process group of its own with a file named
# after it. There is no terminal.
sessions="$TMUX_TMPDIR/sessions"
mkdir -p "$sessions"

alive() { [ -f "$sessions/$1" ] && kill -0 "$(cat "$sessions/$1")" 2>/dev/null; }

target() { # the words after the command
  while [ $# -gt 0 ]; do
    case $1 in -t) echo "${2#=}" | sed 's/:.*//'; return ;; esac
    shift
  done
}

each() {
  for file in "$sessions"/*; do
    [ -f "$file" ] || continue
    if alive "${file##*/}"; then echo "${file##*/}"; else rm -f "$file"; fi
  done
}

while [ $# -gt 0 ]; do
  case $1 in
    -V) echo "tmux 3.4-practice"; exit 0 ;;
    -L | -S | -f) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
verb=$1
[ $# -gt 0 ] && shift
case $verb in
  new | new-session)
    name= dir=$PWD
    while [ $# -gt 0 ]; do
      case $1 in
        -s | -n) [ "$1" = -s ] && name=$2; shift 2 ;;
        -c) dir=$2; shift 2 ;;
        -x | -y | -F) shift 2 ;;
        -e) export "${2?}"; shift 2 ;;
        --) shift; break ;;
        -*) shift ;;
        *) break ;;
      esac
    done
    if alive "$name"; then echo "duplicate session: $name" >&2; exit 1; fi
    # bash gives a background job a process group of its own when job control is on.
    set -m
    if [ $# -gt 1 ]; then
      (trap '' HUP; cd "$dir" && exec "$@") </dev/null >/dev/null 2>&1 &
    else
      (trap '' HUP; cd "$dir" && exec "${SHELL:-/bin/sh}" -c "${1:-sleep 86400}") </dev/null >/dev/null 2>&1 &
    fi
    echo $! >"$sessions/$name"
    disown
    ;;
  has | has-session)
    name=$(target "$@")
    alive "$name" || { echo "can't find session: $name" >&2; exit 1; }
    ;;
  ls | list-sessions)
    [ -n "$(each)" ] || { echo "no server running on $TMUX_TMPDIR" >&2; exit 1; }
    case "$*" in *-F*) each ;; *) each | sed 's/$/: 1 windows (practice)/' ;; esac
    ;;
  list-panes)
    name=$(target "$@")
    if alive "$name"; then cat "$sessions/$name"; else echo "can't find session: $name" >&2; exit 1; fi
    ;;
  kill-session)
    name=$(target "$@")
    alive "$name" || { echo "can't find session: $name" >&2; exit 1; }
    kill -HUP -- "-$(cat "$sessions/$name")" 2>/dev/null
    sleep 0.1
    kill -KILL -- "-$(cat "$sessions/$name")" 2>/dev/null
    rm -f "$sessions/$name"
    ;;
  kill-server)
    for name in $(each); do
      kill -KILL -- "-$(cat "$sessions/$name")" 2>/dev/null
      rm -f "$sessions/$name"
    done
    ;;
  *) ;;
esac
exit 0
