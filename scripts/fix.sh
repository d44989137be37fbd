#!/bin/sh
# Puts right what a program can: formatting, fixable lint findings, the generated types.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh

bun=node_modules/.bin/bun
$bun scripts/build.ts --only native
mkdir -p src/native
cmp -s dist/native/types.d.ts src/native/types.d.ts || cp dist/native/types.d.ts src/native/types.d.ts
node_modules/.bin/oxlint --type-aware --quiet --fix src scripts test || true
$bun fmt
cargo fmt --all --manifest-path crates/Cargo.toml
