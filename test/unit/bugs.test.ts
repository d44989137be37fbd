// The planted bugs fit the source as it is, and there is one for each scenario that security.md's §2a to §2c, §2g and the rows about
// copies and volumes name.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { BUGS, EXEMPT } from "../support/bugs/list.ts";

const ROOT = join(import.meta.dir, "../..");

/** §2a, §2b, §2c, §2g, and those that stand alone. */
const ROWS = [
  ...numbered(1, 11),
  ...numbered(20, 38),
  ...numbered(40, 49),
  ...numbered(90, 96),
  ...[68, 69, 107, 112].flatMap((row) => numbered(row, row)),
];

function numbered(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, at) => `V${String(first + at).padStart(2, "0")}`);
}

describe("planted bugs", () => {
  test("are there for every row that can have one", () => {
    const rows = [...BUGS.map(({ row }) => row), ...Object.keys(EXEMPT)];
    expect(rows.toSorted()).toEqual(ROWS.toSorted());
  });

  test.each(BUGS.map((bug) => [bug.row, bug] as const))("%s fits the source and names a test", (_row, bug) => {
    for (const { file, is, becomes } of bug.edits) {
      expect(readFileSync(join(ROOT, file), "utf8").split(is)).toHaveLength(2);
      expect(becomes).not.toBe(is);
    }
    const path = join(ROOT, "test/e2e", bug.caughtBy.file);
    expect(existsSync(path)).toBe(true);
    // Names with a value in them are written as templates.
    const name = bug.caughtBy.name.replace(/^(?:to|differs with) .*/, "");
    expect(readFileSync(path, "utf8")).toContain(name);
  });
});
