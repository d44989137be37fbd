#!/bin/sh
# Makes this machine ready: npm packages, Rust targets and, as root on Debian, system packages. Does only what is missing
# and says what it does; a second run does nothing. Names no network host: everything comes through the package managers
# as they are set up here.
#
#   setup.sh            what building and running needs
#   setup.sh --test     also what the tests need
#   setup.sh --bench    also what the benchmark needs
#   setup.sh --arm64    also what building for arm64 needs
set -eu
cd "$(dirname "$0")/.."

say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

# A C compiler for Rust's linking, and newuidmap/newgidmap, without which a container has one id only.
RUN_PACKAGES="gcc libc6-dev uidmap"
# Real registries and image tools, a peer engine, the ways out for networks, strace for the kill sweeps, shells that complete words,
# a judge of man pages.
TEST_PACKAGES="apache2-utils bind9-dnsutils busybox-static crun docker-registry fish fuse-overlayfs iproute2 mandoc mmdebstrap nftables
  openssl passt podman runc skopeo slirp4netns strace umoci zsh zstd"
BENCH_PACKAGES="busybox-static crun docker-registry e2fsprogs iperf3 iproute2 mmdebstrap passt podman procps python3 skopeo slirp4netns
  umoci zstd"
ARM64_PACKAGES="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static"

HOST_MUSL="$(uname -m)-unknown-linux-musl"
ARM64_TARGETS="aarch64-unknown-linux-musl aarch64-unknown-linux-gnu"

npm_packages() {
  # package-lock.json names every package by its hash, so its own hash says whether anything changed.
  wanted=$(sha256sum < package-lock.json)
  stamp=node_modules/.bunker-setup
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  if [ -L node_modules ]; then
    say "node_modules is a link: left as it is"
    return
  fi
  say "npm packages: npm ci"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  # npm 11 asks before it runs install scripts. We need only this one: it puts Bun's program in its place.
  node node_modules/bun/install.js
  node_modules/.bin/bun --version >/dev/null || die "Bun does not run on this machine"
  echo "$wanted" > "$stamp"
}

has_rust_target() { [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; }

rust_target() {
  has_rust_target "$1" && return
  if command -v rustup >/dev/null; then
    say "Rust target: rustup target add $1"
    rustup target add "$1" || true
  fi
  has_rust_target "$1" && return
  say "warning: no Rust target $1: the helper will be linked statically with glibc (larger, slower to start)"
}

rust_component() {
  cargo "$1" --version >/dev/null 2>&1 && return
  command -v rustup >/dev/null || die "cargo $1 is needed: install it first"
  say "Rust component: rustup component add $2"
  rustup component add "$2"
}

missing_packages() {
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
  done
}

# Installs with services kept from starting: Debian asks policy-rc.d, and 101 means "no".
install_packages() {
  policy=/usr/sbin/policy-rc.d
  ours=
  if [ ! -e "$policy" ]; then
    ours=yes
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  install="apt-get install -y -qq --no-install-recommends"
  $install "$@" || { apt-get update -qq && $install "$@"; } || die "installing failed: $*"
  if [ -n "$ours" ]; then rm -f "$policy"; trap - EXIT; fi
}

debian_packages() {
  if ! command -v dpkg-query >/dev/null; then
    command -v newuidmap >/dev/null || say "not Debian: install newuidmap and newgidmap with your package manager"
    return
  fi
  missing=$(missing_packages "$@")
  [ -z "$missing" ] && return
  if [ "$(id -u)" != 0 ]; then
    say "not root, so these Debian packages stay missing (apt-get install $missing)"
    return
  fi
  say "Debian packages: $missing"
  # Word splitting is meant.
  install_packages $missing
}

command -v node >/dev/null && command -v npm >/dev/null || die "Node.js with npm is needed: install it first"
command -v cargo >/dev/null || die "Rust with cargo is needed: install it first"

packages=$RUN_PACKAGES
targets=$HOST_MUSL
components=
for level in "$@"; do
  case "$level" in
    --test) packages="$packages $TEST_PACKAGES"; components=yes ;;
    --bench) packages="$packages $BENCH_PACKAGES" ;;
    --arm64) packages="$packages $ARM64_PACKAGES"; targets="$targets $ARM64_TARGETS" ;;
    *) die "unknown option \"$level\": --test, --bench, --arm64" ;;
  esac
done

debian_packages $packages
npm_packages
for target in $targets; do rust_target "$target"; done
if [ -n "$components" ]; then
  rust_component fmt rustfmt
  rust_component clippy clippy
fi
