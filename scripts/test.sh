#!/bin/sh
# Sets up what the tests need, checks the source, builds, runs every test. Ends with one line:
# "N passed, N failed, N skipped". With --long also the tests that take minutes.
# BUNKER_TEST_MUST_RUN=1 makes a test that cannot run here a failure (CI).
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
  "") ;;
  --long) BUNKER_TEST_LONG=1; export BUNKER_TEST_LONG ;;
  *) echo "test: unknown option \"$1\": --long" >&2; exit 2 ;;
esac

sh scripts/setup.sh --test
exec node_modules/.bin/bun scripts/test.ts
