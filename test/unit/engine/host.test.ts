// What the host's files say, read.

import { expect, test } from "bun:test";
import { parseCpuList } from "../../../src/engine/host.ts";

const CASES: [string, number[]][] = [
  ["", []],
  ["0\n", [0]],
  ["0-3\n", [0, 1, 2, 3]],
  ["0,2-3,8", [0, 2, 3, 8]],
];
test.each(CASES)("processors %p", (text, numbers) => {
  expect(parseCpuList(text)).toEqual(numbers);
});

test("a list of processors is never longer than any kernel's", () => {
  expect(parseCpuList("0-4294967295").length).toBe(8192);
});
