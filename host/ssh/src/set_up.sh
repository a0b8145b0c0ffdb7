# Makes a rented machine ready, the same for every provider. Runs detached, step by step; each finished step leaves a file,
# so that it goes on where it was after a restart of the machine. Where everything is there already it changes nothing.
# It takes GPU=yes or no from the file `ask` beside it.
d=${0%/*}
. "$d/lib"
trap '' HUP
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:$HOME/.local/bin
DEBIAN_FRONTEND=noninteractive
NEEDRESTART_MODE=a
export PATH DEBIAN_FRONTEND NEEDRESTART_MODE
boot_id >"$d/boot"
echo "$$ $(proc_field $$ 20)" >"$d/pid.new" && mv -f "$d/pid.new" "$d/pid"
. "$d/ask"
# Tests shorten the pauses and show another bus.
PAUSE=${BURSAR_SET_UP_PAUSE:-6}
PCI=${BURSAR_SET_UP_PCI:-/sys/bus/pci/devices}

say() { echo "$(date -u +%H:%M:%S) $*"; }
step() { echo "$1" >"$d/step"; say "== $1"; }
have() { command -v "$1" >/dev/null 2>&1; }
lack() { say "without $1: $2"; grep -qxF "$1" "$d/missing" 2>/dev/null || echo "$1" >>"$d/missing"; }
finish() { date +%s >"$d/ended"; echo "$1" >"$d/result.new" && mv -f "$d/result.new" "$d/result"; say "== $1"; exit 0; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
# limit SECS COMMAND…
limit() { if have timeout; then timeout "$@"; else shift; "$@"; fi; }

# insist TRIES COMMAND…: a young machine's own first boot holds the package locks for minutes.
insist() {
  tries=$1; shift
  until "$@" </dev/null; do
    tries=$((tries - 1))
    [ "$tries" -le 0 ] && return 1
    say "not yet: $1 failed, waiting"
    sleep "$PAUSE"
  done
}

apt() { as_root apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold -y "$@"; }

install() {
  if have apt-get; then
    [ -e "$d/did-update" ] || { insist 20 apt update && : >"$d/did-update"; }
    insist 10 apt install --no-install-recommends "$@"
  elif have dnf; then insist 5 as_root dnf -y install "$@"
  elif have yum; then insist 5 as_root yum -y install "$@"
  elif have apk; then insist 5 as_root apk add "$@"
  else say "no apt-get, dnf, yum or apk here"; return 1; fi
}

tools() {
  wanted=
  for tool in tmux git curl rsync; do have "$tool" || wanted="$wanted $tool"; done
  [ -z "$wanted" ] && { say "tmux, git, curl and rsync are there"; return 0; }
  if have cloud-init; then say "waiting for the first boot to finish"; limit 300 cloud-init status --wait >/dev/null 2>&1 </dev/null; fi
  install ca-certificates $wanted
  # Jobs and copies do without tmux and rsync, and a container may have no way to get them.
  for tool in $wanted; do
    have "$tool" || case $tool in tmux|rsync) lack "$tool" "it could not be installed";; *) failed="$failed $tool";; esac
  done
  [ -z "$failed" ] || finish "failed could not install$failed"
}

uv_tool() {
  have uv && return 0
  to=/usr/local/bin
  [ "$(id -u)" = 0 ] || to=$HOME/.local/bin
  limit 180 sh -c 'curl -LsSf --retry 3 --max-time 120 https://astral.sh/uv/install.sh' >"$d/uv.sh" </dev/null &&
    UV_INSTALL_DIR=$to UV_NO_MODIFY_PATH=1 limit 180 sh "$d/uv.sh" </dev/null
  have uv && return 0
  if have pip3; then limit 180 pip3 install --user uv </dev/null || limit 180 pip3 install --user --break-system-packages uv </dev/null; fi
  have uv || lack uv "neither its installer nor pip brought it"
}

gpu_works() { limit 60 nvidia-smi >"$d/gpu.new" 2>&1 </dev/null && mv -f "$d/gpu.new" "$d/gpu"; }

# wait_for_gpu TRIES: the driver of a machine that has just started needs a moment.
wait_for_gpu() {
  tries=$1
  until gpu_works; do
    tries=$((tries - 1))
    [ "$tries" -le 0 ] && return 1
    sleep "$PAUSE"
  done
}

has_nvidia() { cat "$PCI"/*/vendor 2>/dev/null | grep -qi 0x10de; }

driver() {
  if have nvidia-smi && wait_for_gpu 10; then return 0; fi
  if [ -e "$d/did-driver" ]; then wait_for_gpu 10 || lack nvidia-driver "installed, restarted, and nvidia-smi still fails"; return 0; fi
  has_nvidia || { lack nvidia-driver "no NVIDIA device on this machine"; return 0; }
  have apt-get || { lack nvidia-driver "only known for apt-get"; return 0; }
  [ -e "$d/did-update" ] || { insist 20 apt update && : >"$d/did-update"; }
  if install ubuntu-drivers-common 2>/dev/null && have ubuntu-drivers; then
    name=$(ubuntu-drivers list 2>/dev/null </dev/null | sed -n 's/^\(nvidia-driver-[0-9]*-server\).*/\1/p' | sort -t- -k3 -n | tail -n 1)
    version=${name#nvidia-driver-}
    [ -n "$name" ] && insist 3 apt install "$name" "nvidia-utils-$version"
  else
    name=nvidia-driver
    insist 2 apt install "linux-headers-$(uname -r)" nvidia-driver
  fi || { lack nvidia-driver "could not install ${name:-any}"; return 0; }
  : >"$d/did-driver"
  wait_for_gpu 2 && return 0
  step "restarting for the driver"
  echo yes >"$d/rebooting"
  sync
  sleep 1
  as_root systemctl reboot </dev/null || as_root reboot </dev/null
  # The restart ends this script, and the next call starts it again.
  sleep 120
  rm -f "$d/rebooting"
  wait_for_gpu 2 || lack nvidia-driver "installed, and the machine did not restart"
}

rm -f "$d/rebooting"
step "installing tools"
tools
step "installing uv"
uv_tool
if [ "$GPU" = yes ]; then
  step "installing the GPU driver"
  driver
fi
finish "done"
