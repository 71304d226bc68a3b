# Sourced by the other scripts: goes to the project's root and makes an environment there if it is
# missing or old. `environment EXTRAS [FOLDER]`: "" installs what users need, into .venv; "[dev]" what
# tests need as well. What tests takes a folder of its own: somebody may be using .venv.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

newest_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
  echo "kvsync needs Python 3.11 or newer; none was found on the PATH" >&2
  return 1
}

environment() {
  local extras=$1 folder=${2:-.venv} python base mark want
  python=$(newest_python)
  base="$("$python" -V) $(pwd)"
  # Anything that decides what is installed is part of the mark: a changed mark installs again.
  want="$extras $base $(cat pyproject.toml scripts/constraints.txt | cksum)"
  mark=$folder/kvsync-installed
  if [ -f "$mark" ] && [ "$(cat "$mark")" = "$want" ]; then
    return
  fi
  echo "Installing into $folder ..." >&2
  # Only another Python starts anew: a cron job may be running from here.
  if [ ! -f "$mark" ] || [[ "$(cat "$mark")" != *" $base "* ]]; then
    "$python" -m venv --clear "$folder" || {
      echo "python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2
      return 1
    }
  fi
  install "$folder" "$extras"
  echo "$want" >"$mark"
}

# uv installs in seconds what takes pip most of a minute, but reads no pip.conf: users get pip.
install() {
  local python=$1/bin/python uv=$1/bin/uv extras=$2 pinned=(-c scripts/constraints.txt)
  local pip=("$python" -m pip install --quiet --disable-pip-version-check "${pinned[@]}")
  # A path instead of a finder of modules, which each start would have to load: 20 of 90 ms.
  local project=(--config-settings editable_mode=compat -e ".$extras")
  if [ -n "$extras" ] && "${pip[@]}" uv &&
    "$uv" pip install --quiet --python "$python" "${pinned[@]}" "${project[@]}"; then
    return
  fi
  "${pip[@]}" "${project[@]}"
}

# Each commit of a state waits for the disk: memory does not. Prints a new folder, in memory if there
# is much of it.
scratch() {
  local place=${TMPDIR:-/tmp} free
  free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
  if [ -w /dev/shm ] && [ "${free:-0}" -gt $((2 * 1024 * 1024)) ]; then
    place=/dev/shm
  fi
  mktemp -d "$place/kvsync-test.XXXXXX"
}
