# A practice machine shares its kernel with the computer, but not its boots: this one file is its own.
if [ $# -eq 1 ] && [ "$1" = /proc/sys/kernel/random/boot_id ]; then
  exec /bin/cat "$machine/boot_id"
fi
exec /bin/cat "$@"
