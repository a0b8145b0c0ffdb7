# Expects gpu, set_up and lib as variables, behind lib.sh. Starts the set-up where it neither runs nor has ended, and tells how it is.
umask 022
d=$HOME/.bursar/setup
mkdir -p "$d" && chmod 700 "$HOME/.bursar" "$d" || exit 1
value() { { IFS= read -r v <"$1"; } 2>/dev/null || v=; echo "$v"; }
runs() { pid='' start=''; { read -r pid start <"$d/pid"; } 2>/dev/null; [ "$(value "$d/boot")" = "$(boot_id)" ] && alive "$pid" "$start"; }

begin() {
  # Several callers at once: the first one starts it. A lock older than a minute belongs to the dead.
  [ -z "$(find "$d/lock" -maxdepth 0 -mmin +1 2>/dev/null)" ] || rmdir "$d/lock" 2>/dev/null
  mkdir "$d/lock" 2>/dev/null || return 0
  if ! runs && [ ! -s "$d/result" ]; then
    tries=$(($(value "$d/tries") + 1))
    echo "$tries" >"$d/tries"
    if [ "$tries" -gt 5 ]; then echo "failed it ended $((tries - 1)) times without a result" >"$d/result"
    else
      printf '%s\n' "$lib" >"$d/lib" && printf '%s\n' "$set_up" >"$d/run" && echo "GPU=$gpu" >"$d/ask" || { rmdir "$d/lock"; exit 1; }
      [ "$tries" = 1 ] && date +%s >"$d/started"
      rm -f "$d/pid"
      if command -v setsid >/dev/null 2>&1; then setsid sh "$d/run" </dev/null >>"$d/log" 2>&1 &
      else nohup sh "$d/run" </dev/null >>"$d/log" 2>&1 & fi
      wait=30
      while [ ! -s "$d/pid" ] && [ "$wait" -gt 0 ]; do wait=$((wait - 1)); sleep 0.1 2>/dev/null || sleep 1; done
    fi
  fi
  rmdir "$d/lock"
}

# A set-up without a GPU does not answer for one: asked again with it, it goes on.
if [ -s "$d/result" ] && [ "$gpu" = yes ] && [ "$(value "$d/ask")" = GPU=no ] && [ "$(value "$d/result")" = done ]; then
  rm -f "$d/result" "$d/tries"
fi
if [ -s "$d/result" ]; then state=$(value "$d/result")
elif runs; then if [ -e "$d/rebooting" ]; then state=rebooting; else state=running; fi
else begin; state=$(value "$d/result"); [ -n "$state" ] || state=running; fi

echo "state $state"
echo "step $(value "$d/step")"
echo "missing $(tr '\n' ' ' <"$d/missing" 2>/dev/null)"
case $state in done)
  if [ "$gpu" = yes ]; then
    limit=; command -v timeout >/dev/null 2>&1 && limit='timeout 25'
    if text=$($limit nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>&1 </dev/null); then echo "gpu works"
    else echo "gpu fails"; fi
    printf '%s\n' "$text" | head -n 40
  fi;;
*) echo "log"; tail -c 4000 "$d/log" 2>/dev/null;; esac
exit 0
