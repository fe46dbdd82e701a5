#!/bin/sh
# Sets up the QEMU of Debian trixie-backports (11.1 or newer) beside the system's own, for the contract suite and the lab.
#
#   scripts/setup-qemu.sh [DIR]     default: ${XDG_CACHE_HOME:-~/.cache}/ripcord/qemu-11
#
# DIR gets a minimal Debian tree and DIR/prefix/bin with qemu-system-x86_64, qemu-nbd and qemu-img. Each of these runs
# inside the tree, so that it cannot load the host's QEMU modules, in a mount namespace of its own, so that nothing stays
# mounted afterwards. They only ever exec: the process that was started is the QEMU. Needs root (debootstrap, mount), about
# 450 MB and one to three minutes; run again, it checks what is there and does what is missing.
# The last line of its output is the value for the suite: RIPCORD_QEMUS=qemu-11=DIR/prefix
set -eu

SUITE=trixie
MIRROR=${RIPCORD_DEBIAN_MIRROR:-http://deb.debian.org/debian}
BINARIES="qemu-system-x86_64 qemu-nbd qemu-img"

say() { printf '%s\n' "setup-qemu: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

case "${1:-}" in
  -h | --help)
    sed -n '2,/^set -eu/{/^#/{s/^# \{0,1\}//;p;};}' "$0"
    exit 0
    ;;
esac

dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ripcord/qemu-11}
[ "$(id -u)" = 0 ] || fail "needs root: a tree of another release is unpacked and entered by chroot"
[ "$(uname -m)" = x86_64 ] || fail "this machine is $(uname -m); the wrappers are for x86_64"
for tool in debootstrap unshare chroot mount; do
  command -v "$tool" >/dev/null 2>&1 || fail "$tool is missing (Debian: apt-get install debootstrap util-linux coreutils mount)"
done
mkdir -p "$dir"
dir=$(cd "$dir" && pwd -P)
case "$dir" in
  *[!A-Za-z0-9/._+-]*) fail "the path $dir has characters that the wrappers would have to quote; choose a plainer one" ;;
esac
tree=$dir/tree
prefix=$dir/prefix

# A tree that was cut off half way is not repaired but made again: debootstrap cannot go on with one.
if [ ! -e "$dir/.bootstrapped" ]; then
  say "unpacking a minimal $SUITE into $tree"
  rm -rf -- "$tree"
  debootstrap --variant=minbase --arch=amd64 "$SUITE" "$tree" "$MIRROR" >"$dir/debootstrap.log" 2>&1 ||
    fail "debootstrap failed; see $dir/debootstrap.log"
  : >"$dir/.bootstrapped"
fi

if [ ! -x "$tree/usr/bin/qemu-system-x86_64" ] || [ ! -x "$tree/usr/bin/qemu-nbd" ] || [ ! -x "$tree/usr/bin/qemu-img" ]; then
  say "installing QEMU from $SUITE-backports"
  printf 'deb %s %s-backports main\n' "$MIRROR" "$SUITE" >"$tree/etc/apt/sources.list.d/backports.list"
  # No service may start inside the tree.
  printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
  chmod 755 "$tree/usr/sbin/policy-rc.d"
  cp -L /etc/resolv.conf "$tree/etc/resolv.conf" 2>/dev/null || :
  # shellcheck disable=SC2016 # $1 and $2 belong to the inner shell
  unshare --mount -- sh -euc '
    mount --make-rprivate /
    mount --rbind /proc "$1/proc"
    mount --rbind /dev "$1/dev"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    # An installation that was cut off is finished first.
    chroot "$1" dpkg --configure -a
    chroot "$1" apt-get update -q
    chroot "$1" apt-get install -q -y --no-install-recommends -t "$2-backports" qemu-system-x86 qemu-utils
    chroot "$1" apt-get clean
  ' sh "$tree" "$SUITE" >"$dir/install.log" 2>&1 || fail "the installation failed; see $dir/install.log"
fi

mkdir -p "$prefix/bin"
for binary in $BINARIES; do
  wrapper=$prefix/bin/$binary
  cat >"$wrapper.new" <<WRAPPER
#!/bin/sh
# Made by scripts/setup-qemu.sh. Enters the tree and becomes $binary: every step is an exec, the pid stays.
# What the caller can name, QEMU must find: the usual folders of sockets and images, TMPDIR and the working directory.
exec unshare --mount -- sh -euc '
  tree=\$1; shift
  mount --make-rprivate /
  for folder in /proc /dev /tmp /var/tmp /run "\${TMPDIR:-/tmp}" "\$PWD"; do
    case "\$folder" in / | "\$tree"*) continue ;; esac
    [ -d "\$folder" ] || continue
    mkdir -p "\$tree\$folder"
    mount --rbind "\$folder" "\$tree\$folder"
  done
  exec chroot "\$tree" /bin/sh -c "cd \"\\\$0\" 2>/dev/null || cd /; exec \"\\\$@\"" "\$PWD" "\$@"
' sh '$tree' /usr/bin/$binary "\$@"
WRAPPER
  chmod 755 "$wrapper.new"
  mv -f -- "$wrapper.new" "$wrapper"
done

version=$("$prefix/bin/qemu-system-x86_64" --version) || fail "the installed QEMU does not run"
"$prefix/bin/qemu-nbd" --version >/dev/null || fail "the installed qemu-nbd does not run"
"$prefix/bin/qemu-img" --version >/dev/null || fail "the installed qemu-img does not run"
say "ready: $(printf '%s\n' "$version" | head -n 1)"
printf 'RIPCORD_QEMUS=qemu-11=%s\n' "$prefix"
