// --uidmap's words, and the maps that come of them.

import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  findFreeRange,
  type IdRange,
  parseMapLine,
  planAuto,
  planLines,
  planNomap,
  sortLines,
} from "../../../src/container/id-map.ts";
import type { IdMapping } from "../../../src/container/sandbox-spec.ts";

const U = [
  { inside: 0, outside: 1000, size: 1 },
  { inside: 1, outside: 100_000, size: 1000 },
  { inside: 1001, outside: 500_000, size: 1000 },
];
const TOTAL = 2001;

function texts(map: readonly IdMapping[]): string[] {
  return map.map(({ inside, outside, size }) => `${inside} ${outside} ${size}`);
}

function plan(...lines: string[]): string[] {
  const parsed = lines.map((line) => parseMapLine(line, "--uidmap"));
  return texts(planLines(sortLines(parsed, []).uid, U));
}

test.each([
  [["0:1:10"], ["0 1 10"]],
  [["0:1"], ["0 1 1"]],
  [
    ["5:0:1", "0:1:5"],
    ["0 1 5", "5 0 1"],
  ],
  // The kernel takes no line that lies across two ranges.
  [["0:990:20"], ["0 990 11", "11 1001 9"]],
  [
    ["0:@1000", "1:@100000:5"],
    ["0 0 1", "1 1 5"],
  ],
  [["0:@500001:9"], ["0 1002 9"]],
  [["+7:0"], ["0 7 1", "1 1 6", "7 0 1", "8 8 993", "1001 1001 1000"]],
  [["+5000:3"], ["0 0 1", "1 1 2", "4 4 997", "1001 1001 1000", "5000 3 1"]],
])("%j", (lines, map) => {
  expect(plan(...lines)).toEqual(map);
});

test.each([
  ["0:0:2000000000", "you have no ids"],
  ["0:@5", "are not yours"],
  ["0:@100999:2", "are not yours"],
])("%s is refused", (line, reason) => {
  expect(() => plan(line)).toThrow(reason);
});

test("an id is named once", () => {
  expect(() => plan("0:1:5", "4:10:5")).toThrow("names the id 4 in the container twice");
  expect(() => plan("0:1:5", "10:5:5")).toThrow("names the id 5 outside twice");
});

test.each(["", "1", "0:1:0", "a:b:c", "0:1:2:3", "-1:0:1", "x0:1:1", "0:1:@2", "4294967294:0:1", "0:4294967295"])(
  "%j is no line",
  (text) => {
    expect(() => parseMapLine(text, "--uidmap")).toThrow(/invalid id mapping|no such ids/);
  },
);

test("a line is for one kind of ids, or both", () => {
  const line = (text: string, flag = "--uidmap") => {
    const { uid, gid } = parseMapLine(text, flag);
    return [uid, gid];
  };
  expect(line("0:1")).toEqual([true, false]);
  expect(line("0:1", "--gidmap")).toEqual([false, true]);
  expect(line("ug0:1")).toEqual([true, true]);
  expect(line("+g0:1")).toEqual([false, true]);
  const one = [parseMapLine("0:1", "--uidmap")];
  expect(sortLines(one, [])).toEqual({ uid: sortLines(one, []).gid, gid: sortLines([], one).uid });
});

test("nomap is everybody but the caller", () => {
  expect(texts(planNomap(U))).toEqual(["0 1 1000", "1000 1001 1000"]);
});

test("auto is its lease but for what is said", () => {
  const lines = [{ inside: 5, outside: 0, size: 1, isHost: false, extends: false }];
  expect(texts(planAuto(lines, { first: 995, size: 20 }, U))).toEqual(["0 995 5", "5 0 1", "6 1001 14"]);
});

const line = fc.record({
  inside: fc.integer({ min: 0, max: 3000 }),
  outside: fc.integer({ min: 0, max: TOTAL - 1 }),
  size: fc.integer({ min: 1, max: 50 }),
});

test("whatever changes in U's map, each of its ids is somebody, once, and no line lies across two ranges", () => {
  fc.assert(
    fc.property(line, (changed) => {
      const size = Math.min(changed.size, TOTAL - changed.outside);
      const map = planLines([{ ...changed, size, isHost: false, extends: true }], U);
      const inside = map.flatMap((each) => Array.from({ length: each.size }, (_, at) => each.inside + at));
      const outside = map.flatMap((each) => Array.from({ length: each.size }, (_, at) => each.outside + at));
      expect(new Set(inside).size).toBe(inside.length);
      expect(new Set(outside).size).toBe(outside.length);
      expect(outside.at(inside.indexOf(changed.inside))).toBe(changed.outside);
      for (const each of map) {
        expect(
          U.some((home) => each.outside >= home.inside && each.outside + each.size <= home.inside + home.size),
        ).toBe(true);
      }
    }),
  );
});

test("leases never meet, and the lowest place comes first", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 80 }), fc.nat(), (sizes, removed) => {
      const taken: IdRange[] = [];
      for (const size of sizes) {
        const range = findFreeRange(taken, size, 65_537);
        if (range === null) continue;
        expect(range.first >= 1 && range.first + range.size <= 65_537).toBe(true);
        for (const other of taken) {
          expect(range.first >= other.first + other.size || other.first >= range.first + range.size).toBe(true);
        }
        taken.push(range);
      }
      const [gone] = taken.splice(taken.length === 0 ? 0 : removed % taken.length, 1);
      if (gone !== undefined) expect(findFreeRange(taken, gone.size, 65_537)?.first).toBeLessThanOrEqual(gone.first);
    }),
  );
});

test("64 containers of the usual size are as many as there are ids", () => {
  const taken: IdRange[] = [];
  for (let range = findFreeRange(taken, 1024, 65_537); range !== null; range = findFreeRange(taken, 1024, 65_537)) {
    taken.push(range);
  }
  expect(taken.length).toBe(64);
});
