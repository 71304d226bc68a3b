# Sourced by the other scripts: goes to the project's root and makes .venv if it is missing or old.
# `environment ""` installs what users need, `environment "[dev]"` what tests need as well; a second
# argument names another folder than .venv.

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
  local extras=$1 folder=${2:-.venv} python mark want
  python=$(newest_python)
  # Anything that decides what is installed is part of the mark: a changed mark installs again.
  want="$extras $("$python" -V) $(pwd) $(cat pyproject.toml scripts/constraints.txt | cksum)"
  mark=$folder/kvsync-installed
  if [ -f "$mark" ] && { [ "$(cat "$mark")" = "$want" ] || [ "$(cat "$mark")" = "[dev]${want#"$extras"}" ]; }; then
    return
  fi
  echo "Installing into $folder ..." >&2
  "$python" -m venv --clear "$folder" || {
    echo "python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2
    return 1
  }
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    -c scripts/constraints.txt -e ".$extras"
  echo "$want" >"$mark"
}
