#!/bin/sh
# Makes dist/release: the programs for both architectures, their sums, licences, bill of materials, man pages and completions.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh --arm64
exec node_modules/.bin/bun scripts/release.ts
