# Expects name as a variable, behind job_lib.sh. Prints what it found and did.
d=$jobs/$name
[ -f "$d/command" ] || { echo "unknown"; names; exit 0; }
before=$(state_of "$d")
session_of "$d"
token=$(value "$d/token")
# After a restart the numbers belong to others.
[ "$(value "$d/boot")" = "$(boot_id)" ] || { pid='' start=''; token=''; }
found=$(members "$pid" "$start" "$token" | wc -l)
case $before in running|queued) date +%s >"$d/stopped";; esac
left=0
if [ "$((found))" -gt 0 ]; then
  end_all "$pid" "$start" "$token" 5 "$pid" || left=$(members "$pid" "$start" "$token" | wc -l)
fi
# A job whose own keeper had to be killed too left no end.
[ -s "$d/stopped" ] && [ ! -s "$d/ended" ] && date +%s >"$d/ended"
echo "stopped $before $((found)) $((left))"
describe "$name"
