// How a container's ids lie over those of the user's namespace.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { planKeepMap } from "../../../src/container/userns.ts";

const U = [
  { inside: 0, outside: 1000, size: 1 },
  { inside: 1, outside: 100_000, size: 65_536 },
];

test.each([
  [1000, ["0 1 1000", "1000 0 1", "1001 1001 64536"]],
  [0, ["0 0 1", "1 1 65536"]],
  [65_536, ["0 1 65536", "65536 0 1"]],
  [100_000, ["0 1 65536", "100000 0 1"]],
])("the caller stays %i", (own, lines) => {
  expect(planKeepMap(U, own).map(({ inside, outside, size }) => `${inside} ${outside} ${size}`)).toEqual(lines);
});

test("whatever ranges there are, each id is there once, and no line lies across two of them", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 100 }), (ranges, own) => {
      let next = 0;
      const userMap = [1, ...ranges].map((size) => {
        const line = { inside: next, outside: 1000 * next, size };
        next += size;
        return line;
      });
      const map = planKeepMap(userMap, own);
      const ids = map.flatMap(({ outside, size }) => Array.from({ length: size }, (_, at) => outside + at));
      expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: next }, (_, at) => at));
      const inside = map.flatMap((line) => Array.from({ length: line.size }, (_, at) => line.inside + at));
      expect(new Set(inside).size).toBe(next);
      expect(map.find((line) => line.outside === 0)).toEqual({ inside: own, outside: 0, size: 1 });
      for (const { outside, size } of map) {
        expect(userMap.some((line) => outside >= line.inside && outside + size <= line.inside + line.size)).toBe(true);
      }
    }),
  );
});
