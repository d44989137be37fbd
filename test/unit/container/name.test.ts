// Names for containers that were given none.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { generateName } from "../../../src/container/name.ts";

test("any number gives a name that a container may have", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 32 - 1 }), (random) => {
      expect(generateName(random)).toMatch(/^[a-z]+_[a-z]+$/);
    }),
  );
});

test("different numbers give different names, some ten thousand of them", () => {
  const names = new Set(Array.from({ length: 10_000 }, (_, random) => generateName(random)));
  expect(names.size).toBe(10_000);
});
