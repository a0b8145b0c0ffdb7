# Functions that the scripts of this room share. Plain sh: no bash, no tools beyond grep, sed and sort.

# boot_id: changes with every start of the machine; where the machine is a container, the start of its first process tells.
boot_id() {
  id=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid 2>/dev/null || echo unknown)
  echo "$id-$(proc_field 1 20)"
}

# proc_field PID N: the Nth field after the command's name in /proc/PID/stat (1 state, 3 group, 4 session, 20 start).
proc_field() {
  { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- "$2" ${line##*) }
  shift "$1"
  echo "$1"
}

# alive PID START: whether that very process lives, not another one with its number.
alive() {
  [ -n "$1" ] || return 1
  if [ ! -d /proc/self ]; then kill -0 "$1" 2>/dev/null; return; fi
  state=$(proc_field "$1" 1) || return 1
  [ "$state" != Z ] && { [ -z "$2" ] || [ "$(proc_field "$1" 20)" = "$2" ]; }
}

# members SESSION START TOKEN: the processes of a session, and those that carry the token wherever they went.
members() (
  session=$1 start=$2 token=$3
  # The number may belong to somebody else by now.
  if [ -n "$start" ] && [ -d "/proc/$session" ] && [ "$(proc_field "$session" 20)" != "$start" ]; then session=; fi
  {
    if [ ! -d /proc/self ]; then
      ps -axo pid=,pgid= | while read -r pid group; do [ "$group" = "$session" ] && echo "$pid"; done
    elif [ -n "$session" ]; then
      for file in /proc/[0-9]*/stat; do
        { IFS= read -r line <"$file"; } 2>/dev/null || continue
        set -- ${line##*) }
        [ "$1" = Z ] && continue
        if [ "$3" = "$session" ] || [ "$4" = "$session" ]; then file=${file#/proc/}; echo "${file%/stat}"; fi
      done
    fi
    [ -n "$token" ] && grep -lsF "BURSAR_JOB_TOKEN=$token" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/||;s|/environ||'
  } | sort -un
)

# send SIGNAL PIDS: to each of them, also to those that stand still.
send() { signal=$1; shift; for pid in "$@"; do kill -s "$signal" "$pid" 2>/dev/null; done; return 0; }

# end_all SESSION START TOKEN SECS KEEP: asks with TERM, and after SECS ends with KILL. KEEP is told, and killed last.
end_all() {
  pids=$(members "$1" "$2" "$3")
  send TERM $pids
  send CONT $pids
  tries=$(($4 * 5))
  while [ "$tries" -gt 0 ]; do
    pids=$(members "$1" "$2" "$3")
    [ -z "$pids" ] && return 0
    sleep 0.2 2>/dev/null || sleep 1
    tries=$((tries - 1))
  done
  for pid in $(members "$1" "$2" "$3"); do [ "$pid" = "$5" ] || send KILL "$pid"; done
  sleep 0.5 2>/dev/null || sleep 1
  send KILL $(members "$1" "$2" "$3")
  sleep 0.1 2>/dev/null
  [ -z "$(members "$1" "$2" "$3")" ]
}
