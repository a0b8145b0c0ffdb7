# Imitates nvidia-smi for one A40, whole or a slice: the table, -L, and --query-gpu.
gigabytes=$(cat "$machine/gpu")
memory=$((gigabytes * 1024))
name="NVIDIA A40-${gigabytes}Q"
[ "$gigabytes" -ge 48 ] && name="NVIDIA A40" memory=46068
uuid="GPU-${id:0:8}-${id:8:4}-${id:12:4}-${id:16:4}-${id:12:12}"
driver=570.133.20
used=$((memory / 100))

unit() { # value unit
  if [ -n "$nounits" ]; then printf '%s' "$1"; else printf '%s %s' "$1" "$2"; fi
}

value() {
  case $1 in
    name | gpu_name) printf '%s' "$name" ;;
    uuid | gpu_uuid) printf '%s' "$uuid" ;;
    index | vbios_version) printf 0 ;;
    count) printf 1 ;;
    driver_version) printf '%s' "$driver" ;;
    memory.total) unit "$memory" MiB ;;
    memory.used) unit "$used" MiB ;;
    memory.free) unit $((memory - used)) MiB ;;
    utilization.gpu | utilization.memory) unit 0 % ;;
    temperature.gpu) printf 31 ;;
    power.draw) unit 30.12 W ;;
    power.limit) unit 300.00 W ;;
    pstate) printf P8 ;;
    compute_cap) printf 8.6 ;;
    pci.bus_id | gpu_bus_id) printf '00000000:00:05.0' ;;
    timestamp) date '+%Y/%m/%d %H:%M:%S.000' | tr -d '\n' ;;
    *) printf 'Field "%s" is not a valid field to query.\n' "$1"; exit 2 ;;
  esac
}

header() {
  case $1 in
    memory.*) unit_of='[MiB]' ;;
    utilization.*) unit_of='[%]' ;;
    power.*) unit_of='[W]' ;;
    *) unit_of= ;;
  esac
  [ -n "$nounits" ] && unit_of=
  printf '%s' "$1${unit_of:+ $unit_of}"
}

query= fields= noheader= nounits=
while [ $# -gt 0 ]; do
  case $1 in
    --query-gpu=*) query=gpu fields=${1#*=} ;;
    --query-gpu) query=gpu fields=$2; shift ;;
    --query-compute-apps=* | --query-compute-apps) query=apps ;;
    --format=*) case $1 in *noheader*) noheader=1 ;; esac; case $1 in *nounits*) nounits=1 ;; esac ;;
    -L | --list-gpus) echo "GPU 0: $name (UUID: $uuid)"; exit 0 ;;
    -i | --id) shift ;;
  esac
  shift
done

if [ "$query" = apps ]; then
  [ -n "$noheader" ] || echo "pid, process_name, used_gpu_memory [MiB]"
  exit 0
fi
if [ "$query" = gpu ]; then
  IFS=, read -ra names <<<"${fields// /}"
  line=
  for field in "${names[@]}"; do
    text=$(value "$field") || { echo "$text"; exit 2; }
    line="${line:+$line, }$text"
  done
  if [ -z "$noheader" ]; then
    head=
    for field in "${names[@]}"; do head="${head:+$head, }$(header "$field")"; done
    echo "$head"
  fi
  echo "$line"
  exit 0
fi
date '+%a %b %e %H:%M:%S %Y'
cat <<TABLE
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI $driver             Driver Version: $driver     CUDA Version: 12.8     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
TABLE
printf '|   0  %-25s     On  |   00000000:00:05.0 Off |                    0 |\n' "$name"
printf '|  0%%   31C    P8             30W /  300W | %7sMiB / %7sMiB |      0%%      Default |\n' "$used" "$memory"
cat <<'TABLE'
|                                         |                        |                  N/A |
+-----------------------------------------+------------------------+----------------------+

+-----------------------------------------------------------------------------------------+
| Processes:                                                                              |
|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |
|        ID   ID                                                               Usage      |
|=========================================================================================|
|  No running processes found                                                             |
+-----------------------------------------------------------------------------------------+
TABLE
