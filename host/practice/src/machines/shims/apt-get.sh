# Imitates apt-get: says what it does, writes it down, installs nothing but what practice can imitate.
echo "$(date '+%F %T') ${0##*/} $*" >>"$machine/apt.log"
verb=
packages=()
for word in "$@"; do
  case $word in
    -*) ;;
    *=*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else packages+=("$word"); fi ;;
  esac
done
case $verb in
  update) echo "Reading package lists... Done" ;;
  install)
    for package in "${packages[@]}"; do
      case $package in
        nvidia-driver-* | nvidia-headless-* | cuda-drivers*) : >"$machine/driver-installed" ;;
        tmux) command -v tmux >/dev/null 2>&1 || cp -p "$machine/tmux.shim" "$machine/bin/tmux" ;;
      esac
      if ! command -v "$package" >/dev/null 2>&1; then
        case $package in
          curl | git | rsync | wget | jq | htop)
            printf '#!/bin/sh\necho "practice: %s is not installed on this computer" >&2\nexit 127\n' "$package" >"$machine/bin/$package"
            chmod 755 "$machine/bin/$package"
            ;;
        esac
      fi
      echo "Setting up $package (practice) ..."
    done
    ;;
  *) echo "Reading package lists... Done" ;;
esac
exit 0
