# What the job scripts share, behind lib.sh.
jobs=$HOME/.bursar/jobs
# The files of a job are its owner's; the job itself keeps the machine's own umask.
mask=$(umask)
umask 077

# session_of DIR: sets pid and start.
session_of() { pid='' start=''; { read -r pid start <"$1/pid"; } 2>/dev/null; return 0; }

value() { { IFS= read -r v <"$1"; } 2>/dev/null || v=; echo "${v:--}"; }

# code_of DIR: the exit code, or nothing before the end. On a full disk it is the name of a file, which needs no room.
code_of() {
  if [ -s "$1/exit" ]; then value "$1/exit"; return; fi
  for over in "$1"/over-*; do [ -e "$over" ] && echo "${over##*-}"; done
  return 0
}

runs() { session_of "$1"; [ "$(value "$1/boot")" = "$(boot_id)" ] && alive "$pid" "$start"; }

# state_of DIR: ended, queued, running, rebooted or vanished.
state_of() {
  if [ -n "$(code_of "$1")" ]; then echo ended
  elif [ "$(value "$1/boot")" != "$(boot_id)" ]; then echo rebooted
  elif [ ! -s "$1/pid" ]; then
    # Written down a moment ago, or its starter died between the two.
    if [ -n "$(find "$1/command" -mmin -1 2>/dev/null)" ]; then echo queued; else echo vanished; fi
  elif runs "$1"; then echo running
  elif sleep 0.3 2>/dev/null; [ -n "$(code_of "$1")" ]; then echo ended
  else echo vanished; fi
}

# describe NAME: one line of words, `-` for what is not known.
describe() {
  d=$jobs/$1
  # The state first: a job that has ended writes no more, so the size is then its last.
  now=$(state_of "$d")
  size=$(wc -c <"$d/log" 2>/dev/null) || size=0
  code=$(code_of "$d")
  echo "job $1 $(printf %.12s "$(value "$d/token")") $now ${code:--} $(value "$d/stopped") $(value "$d/started") $(value "$d/ended") $((size))"
}

names() { for d in "$jobs"/*/; do [ -f "$d/command" ] && { d=${d%/}; echo "${d##*/}"; }; done; return 0; }
