#!/bin/sh
# As root: makes sure that the ordinary user $1 exists with subordinate ids and a private runtime directory, as a login
# would have given it, and prints "uid gid home runtime-directory". Says on stderr what it had to do.
# With --no-subids the user gets (and keeps) none.
set -eu

name=$1
subids=${2-}
COUNT=65536

say() { echo "user: $*" >&2; }

if ! id "$name" >/dev/null 2>&1; then
  say "making the ordinary user \"$name\""
  useradd --create-home --shell /bin/sh "$name"
fi

# The first id after every range in the file, and after those that useradd gives out first.
free_range() { awk -F: 'BEGIN { end = 100000 } $2 + $3 > end { end = $2 + $3 } END { print end }' "$1"; }

give_range() {
  file=$1 option=$2
  touch "$file"
  grep -q "^$name:" "$file" && return
  first=$(free_range "$file")
  say "giving \"$name\" $COUNT ids in $file"
  usermod "$option" "$first-$((first + COUNT - 1))" "$name"
}

take_ranges() {
  file=$1 option=$2
  grep "^$name:" "$file" 2>/dev/null | while IFS=: read -r _ first count; do
    usermod "$option" "$first-$((first + count - 1))" "$name"
  done
}

if [ "$subids" = --no-subids ]; then
  take_ranges /etc/subuid --del-subuids
  take_ranges /etc/subgid --del-subgids
else
  give_range /etc/subuid --add-subuids
  give_range /etc/subgid --add-subgids
fi

uid=$(id -u "$name")
gid=$(id -g "$name")
home=$(getent passwd "$name" | cut -d: -f6)
runtime=/run/user/$uid
if [ ! -d "$runtime" ]; then
  mkdir -p /run/user
  mkdir -m 700 "$runtime"
  chown "$uid:$gid" "$runtime"
fi
echo "$uid $gid $home $runtime"
