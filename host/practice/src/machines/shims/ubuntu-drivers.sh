# Imitates ubuntu-drivers on a machine with an Nvidia card.
[ -e "$machine/gpu" ] || exit 0
case "$1" in
  install) : >"$machine/driver-installed"; echo "Setting up nvidia-driver-570-server (practice) ..." ;;
  *) printf '%s\n' nvidia-driver-535-server nvidia-driver-570-server nvidia-driver-570 ;;
esac
