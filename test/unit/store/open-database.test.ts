// Which file systems no new data home is made on. That a refusal comes before anything is made: test/e2e/data-home.test.ts.

import { expect, test } from "bun:test";

import { ensureLocal } from "../../../src/store/open-database.ts";

test.each([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  // As a signed number of 32 bits.
  [-11_317_950, "CIFS"],
  [0x01021997, "9P"],
])("%i is refused as %s", (type, name) => {
  expect(() => ensureLocal(type, "/home/ada")).toThrow(`"/home/ada" is on ${name}`);
});

test.each([
  ["ext4", 0xef53],
  ["xfs", 0x58465342],
  ["btrfs", -1_859_950_530],
  ["tmpfs", 0x01021994],
  ["overlay", 0x794c7630],
])("%s is not", (_name, type) => {
  ensureLocal(type, "/home/ada");
});
