# Asks the practice to end everything on this machine and to bring SSH back a little later.
case "${0##*/} $*" in
  *" -c"*) exit 0 ;;
esac
if exec 3<>"/dev/tcp/$practice_host/$practice_port"; then
  printf 'POST /_practice/machines/%s/reboot HTTP/1.1\r\nHost: practice\r\nConnection: close\r\nContent-Length: 0\r\n\r\n' "$id" >&3
  read -r _ status _ <&3
  [ "$status" = 200 ] && exit 0
fi
echo "reboot: practice does not answer" >&2
exit 1
