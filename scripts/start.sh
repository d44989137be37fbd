#!/bin/sh
# From a fresh checkout to a running container: sets up what is missing, builds, and runs the image inside the binary.
# An engine without root is run without root: as root this makes the ordinary user $BUNKER_USER ("bunker") if need be,
# gives it a copy of the program, and runs that.
set -eu
cd "$(dirname "$0")/.."

sh scripts/build.sh

if [ "$(id -u)" != 0 ]; then
  echo "start: dist/bunker run --rm hello"
  exec dist/bunker run --rm hello
fi

user=${BUNKER_USER-bunker}
set -- $(sh scripts/user.sh "$user")
uid=$1 gid=$2 home=$3 runtime=$4

as_user() {
  setpriv --reuid "$uid" --regid "$gid" --init-groups \
    env -i HOME="$home" USER="$user" LOGNAME="$user" PATH="$PATH" TERM="${TERM-dumb}" XDG_RUNTIME_DIR="$runtime" "$@"
}

program=$home/.local/bin/bunker
if ! cmp -s dist/bunker "$program"; then
  # The user may not be able to read this checkout, and root should not write in a user's folder. Renamed into place: the
  # old one may be running.
  copy='mkdir -p "${1%/*}" && cat > "$1.new" && chmod 755 "$1.new" && mv "$1.new" "$1"'
  as_user sh -c "$copy" sh "$program" < dist/bunker
fi

echo "start: as the ordinary user \"$user\": $program run --rm hello"
cd "$home"
as_user "$program" run --rm hello
