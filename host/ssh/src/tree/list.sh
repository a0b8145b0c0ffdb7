# list DIR: for each entry below it "kind size mtime mode path", a zero byte, what a link names, a zero byte.
list() {
  cd "$1" || return 1
  if find . -maxdepth 0 -printf '' 2>/dev/null; then
    find . -mindepth 1 -name '.bursar-*.part' -prune -o -mindepth 1 -printf '%y %s %T@ %m %P\0%l\0'
    return
  fi
  # Without GNU's find: one stat for many names, and their lines in the same order.
  find . -name '.bursar-*.part' -prune -o ! -name . -exec sh -c '
    stat -c "%f %s %Y %a" -- "$@" | {
      for path; do
        read -r raw size mtime mode || exit 1
        to=
        case $raw in
          4???) kind=d;; 8???) kind=f;; a???) kind=l; to=$(readlink -- "$path" 2>/dev/null || readlink "$path");; *) kind=o;;
        esac
        printf "%s %s %s %s %s\0%s\0" "$kind" "$size" "$mtime" "$mode" "${path#./}" "$to"
      done
    }' sh {} +
}
