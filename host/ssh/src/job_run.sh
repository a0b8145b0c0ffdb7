# One job, from its start to its exit code. It stands beside the job's files and leads the job's session.
d=${0%/*}
. "$d/lib"
# It must outlive what asks it to end, to write down how the command ended.
trap '' HUP
trap : TERM INT
boot_id >"$d/boot"
date +%s >"$d/started"
echo "$$ $(proc_field $$ 20)" >"$d/pid.new" && mv -f "$d/pid.new" "$d/pid"
BURSAR_JOB_TOKEN=$(cat "$d/token")
PYTHONUNBUFFERED=1
export BURSAR_JOB_TOKEN PYTHONUNBUFFERED
shell=sh
command -v bash >/dev/null 2>&1 && shell=bash
(
  trap - TERM INT
  . "$d/enter"
  exec $shell "$d/command"
) >>"$d/log" 2>&1 </dev/null
code=$?
date +%s >"$d/ended"
echo "$code" >"$d/exit.new" && mv -f "$d/exit.new" "$d/exit"
