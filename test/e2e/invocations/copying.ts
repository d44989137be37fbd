// cp: where from, where to, and what is there.

import type { Row } from "../../support/invocation.ts";

export const COPYING: Row[] = [
  "cp",
  "cp up:/etc/passwd",
  "cp a b c",
  "cp --frobnicate up:/etc/passwd -",
  "cp a b",
  ["cp up:/etc done:/tmp", { code: 0, says: "", because: "podman's: it copies between containers" }],
  "cp - -",
  "cp '' up:/tmp",
  "cp up:/etc/passwd ''",
  ["cp up: -", { code: 0, prints: "…", says: "", because: "podman's: no path is the root" }],
  "cp :/x -",
  "cp nowhere:/x -",
  "cp /etc/hostname nowhere:/x",
  "cp up:/nowhere /tmp/copied",
  "cp up:/nowhere -",
  [
    "cp /nowhere-at-all up:/tmp",
    { says: "lstat /nowhere-at-all: no such file or directory", because: "the path that was typed" },
  ],
  [
    "cp /etc/hostname up:/nowhere/deep",
    { says: '"/nowhere/deep": no such directory', because: "the same words for both directions" },
  ],
  "cp /etc/hostname up:/nowhere/",
  "cp /etc up:/etc/passwd",
  [
    "cp /etc/hostname up:/etc/passwd/x",
    { says: '"/etc/passwd/x": no such directory', because: "the same words for both directions" },
  ],
  [
    "cp up:/etc/passwd /nowhere-at-all/deep",
    { says: '"/nowhere-at-all/deep": no such directory', because: "the same words for both directions" },
  ],
  "cp up:/etc /etc/hostname",
  "cp -q up:/etc/passwd /nowhere-at-all/",
  "cp fresh:/nowhere -",
  "cp iced:/nowhere -",
];
