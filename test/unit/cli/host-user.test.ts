// A user of the host as a line of a container's passwd.

import { expect, test } from "bun:test";
import { findHostUser } from "../../../src/cli/host-user.ts";

const PASSWD = [
  "root:x:0:0:root:/root:/bin/bash",
  "# 7:x:7:7::/:/bin/sh",
  "+::::::",
  "me:x:1000:100:My Name,Room 1,,:/home/me:/bin/zsh",
  "1000:x:2000:2000::/:/bin/sh",
  "broken:x:ten:10::/:/bin/sh",
].join("\n");

test.each([
  ["root", "root:*:0:0:root:/root:/bin/sh"],
  ["me", "me:*:1000:100:My Name:/home/me:/bin/sh"],
  ["1000", "me:*:1000:100:My Name:/home/me:/bin/sh"],
])("%s", (word, expected) => {
  expect(findHostUser(word, PASSWD)).toBe(expected);
});

test.each([
  ["nobody", "user: unknown user nobody"],
  ["7", "user: unknown userid 7"],
  ["broken", "user: unknown user broken"],
  ["+", "user: unknown user +"],
  ["", "user: unknown user "],
])("%j is none", (word, expected) => {
  expect(() => findHostUser(word, PASSWD)).toThrow(expected);
});
