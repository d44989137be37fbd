#!/bin/sh
# Builds dist/bunker; sets up what is missing first. Options are those of build.ts.
set -eu
cd "$(dirname "$0")/.."
case " $* " in
  *arm64*) sh scripts/setup.sh --arm64 ;;
  *) sh scripts/setup.sh ;;
esac
exec node_modules/.bin/bun scripts/build.ts "$@"
