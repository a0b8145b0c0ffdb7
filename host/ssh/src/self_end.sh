# Expects secs, check and run as variables. Sets a clock on the machine that ends it from within; asked anew, it is set anew.
# It counts only if what it will use was tried, and it runs.
umask 077
d=$HOME/.bursar/self_end
mkdir -p "$d" && chmod 700 "$HOME/.bursar" "$d" || { echo 'no its folder cannot be made'; exit 0; }
for part in check run; do
  eval "text=\$$part"
  printf '%s\n' "$text" >"$d/$part.new" && mv -f "$d/$part.new" "$d/$part" || { echo 'no its folder cannot be written'; exit 0; }
done
cd "$HOME" || exit 1
if ! sh "$d/check" </dev/null >"$d/check.log" 2>&1; then
  printf 'no '
  tail -c 300 "$d/check.log" | tr '\n' ' '
  exit 0
fi
old=''
{ read -r old <"$d/pid"; } 2>/dev/null
command -v setsid >/dev/null 2>&1 || { echo 'no there is no setsid'; exit 0; }
# A machine that could not be ended is asked again each minute.
setsid sh -c 'sleep "$1"; until sh "$2"; do sleep 60; done' self_end "$secs" "$d/run" </dev/null >"$d/run.log" 2>&1 &
new=$!
sleep 0.2 2>/dev/null || sleep 1
if ! kill -0 "$new" 2>/dev/null; then
  # One that was to end at once has done so.
  [ "$secs" = 0 ] || { echo 'no it did not stay'; exit 0; }
fi
echo "$new" >"$d/pid"
# The old clock goes only when the new one runs.
[ -z "$old" ] || [ "$old" = "$new" ] || kill -- "-$old" 2>/dev/null
echo armed
