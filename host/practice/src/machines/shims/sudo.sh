# Everybody is root already: drops sudo's own options and runs the rest.
while [ $# -gt 0 ]; do
  case $1 in
    -u | -g | -h | -p | -C | -D | -R | -T | -U) shift; [ $# -gt 0 ] && shift ;;
    --) shift; break ;;
    -i | -s) shift; [ $# -eq 0 ] && set -- "$SHELL"; break ;;
    -*) shift ;;
    [A-Za-z_]*=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ $# -eq 0 ] && exit 0
exec "$@"
