# One job, from its start to its exit code. It stands beside the job's files and leads the job's session.
d=${0%/*}
. "$d/lib"
# A start that was asked again because its answer got lost starts nothing twice.
mkdir "$d/begun" 2>/dev/null || exit 0
: >"$d/over"
# It must outlive what asks it to end, to write down how the command ended.
trap '' HUP
trap : TERM INT
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
  # The command's variables may have the names of ours.
  set -- "$d" "$shell"
  if [ -f "$1/vars" ]; then . "$1/vars" && rm -f "$1/vars"; fi
  exec "$2" "$1/command"
) >>"$d/log" 2>&1 </dev/null
code=$?
rm -f "$d/vars"
date +%s >"$d/ended"
# A rename works on a full disk, too.
{ echo "$code" >"$d/exit.new" && mv -f "$d/exit.new" "$d/exit"; } || mv -f "$d/over" "$d/over-$code"
# The machine may lose its power next. It takes its time on a busy disk, and is no part of the job any more.
unset BURSAR_JOB_TOKEN
setsid sync "$d/exit" "$d/ended" </dev/null >/dev/null 2>&1 &
