#!/bin/sh
# The host that one test's engine sees, in a mount namespace of its own: usable /dev/fuse and /dev/net/tun, the program
# under test, an empty /tmp and /dev/shm, and a pure cgroup v2 tree with a subtree delegated to the user. Nothing outside
# this namespace changes but that subtree's directory. Ends, and tidies up, when the test process closes (or dies and so closes) $base/alive.
#
#   unshare --mount --propagation private private-host.sh BASE PROGRAM UID GID [ROOT]
#
# With ROOT, the root file system of another distribution is put under it all, with this machine's users.
set -eu
base=$1 program=$2 uid=$3 gid=$4 root=${5-}
umask 022

# As every distribution has them; here on a file system of ours, so that the machine's own stay as they are.
mount -t tmpfs -o mode=755,size=1m bunker-test "$base/dev"
device() {
  [ -e "/dev/$2" ] || return 0
  mknod "$base/dev/$1" c 10 "$3"
  chmod 666 "$base/dev/$1"
  mount --bind "$base/dev/$1" "/dev/$2"
}
device fuse fuse 229
device tun net/tun 200

# Bound, not copied: the checkout may be unreadable for the user.
: > "$base/bunker"
mount --bind "$program" "$base/bunker"

# Whatever the engine drops in shared places is then there to be seen. After the above: the program may lie below /tmp.
mkdir -m 1777 "$base/tmp"
mount --bind "$base/tmp" /tmp
mount -t tmpfs -o mode=1777,size=64m bunker-test /dev/shm

group=
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
  umount --recursive /sys/fs/cgroup 2>/dev/null || true
  mount -t cgroup2 cgroup2 /sys/fs/cgroup || true
fi
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
  group=/sys/fs/cgroup/bunker-test-$(basename "$base")
  mkdir -p "$group/session"
  for directory in "$group" "$group/session"; do
    chown "$uid:$gid" "$directory"
    for file in cgroup.procs cgroup.threads cgroup.subtree_control; do
      [ ! -e "$directory/$file" ] || chown "$uid:$gid" "$directory/$file"
    done
  done
fi

if [ -n "$root" ]; then
  mount --bind "$root" "$root"
  for place in /proc /sys /dev /run /tmp "$(dirname "$base")"; do
    mkdir -p "$root$place"
    mount --rbind "$place" "$root$place"
  done
  for file in passwd group subuid subgid; do mount --bind "/etc/$file" "$root/etc/$file"; done
  cd "$root"
  # pivot_root(2): the new root may be put on top of the old one, which is then reached as ".".
  pivot_root . .
  umount --lazy .
  cd /
fi

echo "$$ $group" > "$base/ready.new"
mv "$base/ready.new" "$base/ready"
cat "$base/alive" > /dev/null || true

if [ -n "$group" ]; then
  echo 1 > "$group/cgroup.kill" || true
  # Killed is not yet gone, and a directory with processes in it cannot be removed: for two seconds at most.
  for _ in $(seq 100); do
    find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    [ -d "$group" ] || break
    sleep 0.02
  done
fi
umount "$base/bunker" "$base/dev"
rm -rf --one-file-system "$base"
