# Imitates uv far enough for scripts without dependencies: it never reaches the network.
case "$1" in
  --version | -V | version) echo "uv 0.9.0 (practice)" ;;
  run)
    shift
    while [ $# -gt 0 ]; do
      case $1 in
        --with | --python | -p | --project | --directory) shift 2 ;;
        --) shift; break ;;
        -*) shift ;;
        *) break ;;
      esac
    done
    case $1 in
      *.py) exec python3 "$@" ;;
      python) shift; exec python3 "$@" ;;
      *) exec "$@" ;;
    esac
    ;;
  *) echo "uv $*: practice resolves and installs nothing" >&2 ;;
esac
