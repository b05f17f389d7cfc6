#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to a tested Millrace on another distribution: makes a fresh root with debootstrap, puts the committed tree
# (HEAD) into it, and there does what a newcomer does: ./run.sh --setup-only, `millrace up` with one variant fetched, then
# ./test.sh. A missing install step and a newer distribution's libraries show. Needs root and about 6 GB; an hour without
# a compiler cache.
#
#   tests/distros/run.sh [--prepare-only] [--keep] bookworm|trixie
#
# --prepare-only stops when the root stands and apt works in it; --keep leaves the root behind and says where.
# CCACHE_DIR, when set, is the root's compiler cache too. The mirror and the certificate authorities are this host's.
# Everything runs in its own mount and process namespace, so nothing stays mounted or running however it ends.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

usage="usage: run.sh [--prepare-only] [--keep] bookworm|trixie"
prepare_only=false
keep=false
suite=
for argument in "$@"; do
  case $argument in
    --prepare-only) prepare_only=true ;;
    --keep) keep=true ;;
    bookworm | trixie) suite=$argument ;;
    *) die "$usage" ;;
  esac
done
[ -n "$suite" ] || die "$usage"
[ "$(id -u)" = 0 ] || die "debootstrap and mounts need root"

if [ -z "${MILLRACE_TEST_DISTRO_ROOT:-}" ]; then
  "$ROOT/scripts/install.sh" distros
  MILLRACE_TEST_DISTRO_ROOT=$(mktemp -d "${TMPDIR:-/var/tmp}/millrace-$suite.XXXXXX")
  export MILLRACE_TEST_DISTRO_ROOT
  # apt downloads as a user of its own.
  chmod 755 "$MILLRACE_TEST_DISTRO_ROOT"
  status=0
  unshare --mount --pid --fork --kill-child -- "${BASH_SOURCE[0]}" "$@" || status=$?
  if $keep; then
    say "the root is $MILLRACE_TEST_DISTRO_ROOT"
  else
    rm -rf --one-file-system "$MILLRACE_TEST_DISTRO_ROOT"
  fi
  exit "$status"
fi

# From here on in the namespaces; a mount made here is seen by nobody else and goes with the last process.
root=$MILLRACE_TEST_DISTRO_ROOT
start=$SECONDS

# Where this host's apt takes its packages from, without the part that names one of them.
mirror_of_host() {
  local uri
  uri=$(apt-get --print-uris -qq download base-files | sed -n "s/^'\([^']*\)'.*/\1/p" | head -n 1)
  case $uri in
    */debian/pool/*) echo "${uri%/pool/*}" ;;
    *) die "cannot tell the Debian mirror from this host's apt; it says: $uri" ;;
  esac
}

in_root() {
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    CI=true "${inherited[@]}" chroot "$root" "$@"
}

# Proxies and the host's own certificate authorities, without which nothing can be fetched in the root.
inherited=()
carry_network() {
  local name
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [ -n "${!name:-}" ]; then inherited+=("$name=${!name}"); fi
  done
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  # debootstrap leaves it to the installer, and every installed machine has it.
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
  apt-config dump | grep -i '^Acquire::.*Proxy' >"$root/etc/apt/apt.conf.d/80host-proxy" || true
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  fi
  if [ -r "${NODE_EXTRA_CA_CERTS:-}" ]; then
    cp -L "$NODE_EXTRA_CA_CERTS" "$root/etc/host-authorities.crt"
    inherited+=(NODE_EXTRA_CA_CERTS=/etc/host-authorities.crt)
  fi
}

# A /dev with what programs need and a /dev/shm of its own, and a /proc of this process namespace.
mount_kernel() {
  local node
  mount --make-rprivate /
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev"
  for node in null zero full random urandom tty; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
  done
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s /proc/self/fd/0 "$root/dev/stdin"
  ln -s /proc/self/fd/1 "$root/dev/stdout"
  ln -s /proc/self/fd/2 "$root/dev/stderr"
  mkdir "$root/dev/shm" "$root/dev/pts"
  mount -t tmpfs -o mode=1777,size=2g tmpfs "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
  ln -s pts/ptmx "$root/dev/ptmx"
  if [ -n "${CCACHE_DIR:-}" ]; then
    mkdir -p "$CCACHE_DIR" "$root/ccache"
    mount --bind "$CCACHE_DIR" "$root/ccache"
    inherited+=(CCACHE_DIR=/ccache CCACHE_BASEDIR=/src/millrace CCACHE_NOHASHDIR=1)
  fi
}

prepare() {
  local mirror
  mirror=$(mirror_of_host)
  say "making a fresh root of $suite (about two minutes)"
  if ! debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1; then
    tail -n 30 "$root.log" >&2
    rm -f "$root.log"
    die "debootstrap failed"
  fi
  rm -f "$root.log"
  # Packages must not start their daemons in here.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  mount_kernel
  carry_network
  say "putting HEAD into it"
  mkdir -p "$root/src/millrace"
  git -C "$ROOT" archive HEAD | tar -x -C "$root/src/millrace"
  in_root apt-get -qq update </dev/null
}

# Starts `millrace up` in the root and fetches a variant from outside.
serve_one() {
  local up ready=$root/var/tmp/ready.json media size
  say "starting millrace up"
  in_root /src/millrace/run.sh --listen 127.0.0.1:0 --api-listen 127.0.0.1:0 \
    --ops-listen 127.0.0.1:0 --ready-file /var/tmp/ready.json >"$root/var/tmp/up.log" 2>&1 </dev/null &
  up=$!
  for _ in $(seq 300); do
    if [ -e "$ready" ] || ! kill -0 "$up" 2>/dev/null; then break; fi
    sleep 0.2
  done
  [ -e "$ready" ] || { cat "$root/var/tmp/up.log" >&2; die "millrace up was not ready within a minute"; }
  media=$(sed -n 's/.*"media": *"\([^"]*\)".*/\1/p' "$ready")
  size=$(curl -fsS --max-time 60 "${media%/}/photos/astronaut.png?imageView2/1/w/200/h/200" | wc -c)
  [ "$size" -gt 1000 ] || { cat "$root/var/tmp/up.log" >&2; die "the variant has $size bytes"; }
  say "a variant came: $size bytes"
  kill -TERM "$(sed -n 's/.*"up": *\([0-9]*\).*/\1/p' "$ready")"
  wait "$up" || { cat "$root/var/tmp/up.log" >&2; die "millrace up ended with an error"; }
}

# Every package that the scripts would install is known to the root's apt.
check_packages() {
  local package
  in_root /src/millrace/scripts/install.sh --list build test assets >"$root/var/tmp/packages"
  while read -r package; do
    in_root apt-cache show --no-all-versions "$package" >/dev/null 2>&1 </dev/null ||
      die "$suite has no package $package"
  done <"$root/var/tmp/packages"
}

prepare
if $prepare_only; then
  check_packages
  say "$suite is ready and has every package; $(duration_words $((SECONDS - start)))"
  exit 0
fi
in_root /src/millrace/run.sh --setup-only
serve_one
in_root /src/millrace/test.sh
say "$suite: everything passed; $(duration_words $((SECONDS - start)))"
