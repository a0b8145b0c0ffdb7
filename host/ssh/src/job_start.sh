# Expects name, token, ask, command, enter, save, vars, run and lib as variables, behind job_lib.sh. Prints the job as it is now.
d=$jobs/$name
mkdir -p "$jobs" || exit 1

# One start of a name at a time. A lock whose owner died is taken over.
lock=$jobs/.lock-$name
tries=0
until mkdir "$lock" 2>/dev/null; do
  tries=$((tries + 1))
  owner=$(cat "$lock/pid" 2>/dev/null)
  if [ "$tries" -gt 20 ] && ! kill -0 "${owner:-none}" 2>/dev/null; then rm -rf "$lock"; continue; fi
  [ "$tries" -gt 100 ] && { echo "another start of this job does not end; remove $lock" >&2; exit 1; }
  sleep 0.1 2>/dev/null || sleep 1
done
echo $$ >"$lock/pid"
trap 'rm -rf "$lock"' EXIT
trap 'exit 1' HUP TERM INT PIPE

# Asked again with the same token: its answer got lost. What it left undone is done now, and nothing twice.
again=
[ "$(value "$d/token")" = "$token" ] && again=yes
if [ -z "$again" ] && [ -d "$d" ]; then
  case $(state_of "$d") in
    running|queued)
      # The same arguments mean the same job.
      if [ "$(value "$d/ask")" = "$ask" ]; then describe "$name"; else echo "runs $(value "$d/started")"; fi;;
    *)
      # Its log is all that is left of it, so the name stays its own.
      free=2
      while [ -e "$jobs/$name-$free" ]; do free=$((free + 1)); done
      echo "ended $name-$free"
      describe "$name";;
  esac
  exit 0
fi
if [ -z "$again" ]; then
  n=$jobs/.new-$name
  rm -rf "$n" && mkdir "$n" || exit 1
  printf '%s\n' "$command" >"$n/command" && printf 'umask %s\n%s\n' "$mask" "$enter" >"$n/enter" &&
    printf '%s\n' "$run" >"$n/run" && printf '%s\n' "$lib" >"$n/lib" && printf '%s' "$save" >"$n/save" &&
    { [ -z "$vars" ] || printf '%s\n' "$vars" >"$n/vars"; } && echo "$ask" >"$n/ask" &&
    boot_id >"$n/boot" && echo "$token" >"$n/token" && : >"$n/log" && mv "$n" "$d" || {
    # A shell's own echo says "I/O error" of a full disk; cat says what it is.
    echo x | cat >"$n/room"
    rm -rf "$n"
    exit 1
  }
fi

started=
[ -d "$d/begun" ] && started=before
if [ -z "$started" ] && command -v tmux >/dev/null 2>&1; then
  tmux -L bursar kill-session -t "=$name" >/dev/null 2>&1
  tmux -L bursar new-session -d -s "$name" env HOME="$HOME" PATH="$PATH" sh "$d/run" </dev/null >/dev/null 2>"$d/tmux" && started=tmux
fi
if [ -z "$started" ]; then
  if command -v setsid >/dev/null 2>&1; then setsid sh "$d/run" </dev/null >/dev/null 2>&1 &
  else nohup sh "$d/run" </dev/null >/dev/null 2>&1 & fi
fi
tries=50
while [ ! -s "$d/pid" ] && [ "$tries" -gt 0 ]; do tries=$((tries - 1)); sleep 0.1 2>/dev/null || sleep 1; done
describe "$name"
