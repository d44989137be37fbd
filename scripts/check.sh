#!/bin/sh
# Everything that can be said about the source without running it. Goes on after a failure and lists all that failed.
set -u
cd "$(dirname "$0")/.."
sh scripts/setup.sh || exit 1

bun=node_modules/.bin/bun
failed=
step() {
  name=$1
  shift
  echo "check: $name"
  "$@" || failed="$failed $name"
}

# The addon's types as Rust has them now, beside those checked in.
types() {
  $bun scripts/build.ts --only native || return 1
  diff -u src/native/types.d.ts dist/native/types.d.ts && return
  echo "src/native/types.d.ts is not what crates/napi says: npm run fix"
  return 1
}

# In a test build napi's macros export nothing and all of the addon would be dead code, so it goes without tests.
clippy() {
  cargo="cargo clippy --quiet --locked --manifest-path crates/Cargo.toml"
  $cargo --workspace --exclude bunker-napi --all-targets -- -D warnings && $cargo --package bunker-napi -- -D warnings
}

step format $bun fmt --check
step rust-format cargo fmt --all --manifest-path crates/Cargo.toml -- --check --files-with-diff
# First what the build makes: TypeScript reads the embedded image from dist.
step native-types types
step compile $bun check --no-script
step lint node_modules/.bin/oxlint --type-aware --quiet src scripts test
step unused node_modules/.bin/knip --no-progress
step architecture $bun test --only-failures test/unit/architecture.test.ts
step clippy clippy

if [ -n "$failed" ]; then
  echo "check: failed:$failed" >&2
  exit 1
fi
echo "check: all well"
