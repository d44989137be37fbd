// Which file systems no new data home is made on. That a refusal comes before anything is made: test/e2e/data-home.test.ts.

import { expect, test } from "bun:test";

import { mountAbove, parseMounts } from "../../../src/store/mounts.ts";
import { nameOfShared } from "../../../src/store/shared-filesystem.ts";

const never = (): string => {
  throw new Error("asked for nothing");
};

test.each([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  // As a signed number of 32 bits.
  [-11_317_950, "CIFS"],
  [0x01021997, "9P"],
])("%i is %s", (type, name) => {
  expect(nameOfShared(type, never)).toBe(name);
});

test.each([
  ["ext4", 0xef53],
  ["xfs", 0x58465342],
  ["btrfs", -1_859_950_530],
  ["tmpfs", 0x01021994],
  ["overlay", 0x794c7630],
])("%s is not shared", (_name, type) => {
  expect(nameOfShared(type, never)).toBeNull();
});

test.each([
  ["fuse.sshfs", "fuse.sshfs"],
  ["fuse.glusterfs", "fuse.glusterfs"],
  ["fuse.fuse-overlayfs", null],
  ["fuseblk", null],
])("of FUSE, %s is %p", (kind, name) => {
  expect(nameOfShared(0x65735546, () => kind)).toBe(name);
});

const MOUNTS = [
  "22 1 8:1 / / rw - ext4 /dev/vda rw",
  "23 22 0:5 / /home rw shared:1 - nfs4 host:/home rw",
  "24 23 0:6 / /home/ada\\040b rw - fuse.sshfs ada@host: rw",
  "25 22 0:7 / /homes rw - xfs /dev/vdb rw",
].join("\n");

test.each([
  ["/home/ada b/x", "fuse.sshfs"],
  ["/home/ada", "nfs4"],
  ["/homes/ada", "xfs"],
  ["/var", "ext4"],
])("%s is on %s", (path, kind) => {
  expect(mountAbove(path, parseMounts(MOUNTS))?.filesystem).toBe(kind);
});
