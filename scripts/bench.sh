#!/bin/sh
# Sets up what the benchmark needs, builds, measures. Options are those of bench.ts. Needs root, to run the engines as an
# ordinary user on a host of their own.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "bench: needs root (the engines themselves run as an ordinary user)" >&2; exit 1; }
sh scripts/setup.sh --bench
node_modules/.bin/bun scripts/build.ts --probe
exec node_modules/.bin/bun scripts/bench.ts "$@"
