// Which runtime is meant: the flag after the verb, the one before it, or ours.

import { expect, test } from "bun:test";
import { collectRuntime } from "../../../src/cli/runtime-flag.ts";

const CASES: [named: string | null, global: string | null, expected: string | null][] = [
  [null, null, null],
  ["", null, null],
  ["bunker", null, null],
  ["crun", null, "crun"],
  [null, "crun", "crun"],
  ["runc", "crun", "runc"],
  ["bunker", "crun", null],
  ["/opt/crun", null, "/opt/crun"],
  ["/opt/x/../crun", null, "/opt/crun"],
  ["./crun", null, `${process.cwd()}/crun`],
];

for (const [named, global, expected] of CASES) {
  test(`${named} after the verb and ${global} before it are ${expected ?? "the built-in one"}`, () => {
    const { runtime } = collectRuntime(named, { runtime: global, runtimeFlags: ["debug", "log-level=x"] });
    expect(runtime?.name ?? null).toBe(expected);
    if (runtime !== undefined) expect(runtime.flags).toEqual(["--debug", "--log-level=x"]);
  });
}
