// docker cp's paths and its table, without files. What really happens is in test/e2e/cp.test.ts.

import { describe, expect, test } from "bun:test";

import { type DestinationKind, parseCopyPath, planCopy, type SourceKind } from "../../../src/volume/index.ts";

describe("a path", () => {
  const bare = { assertsDirectory: false, contents: false };
  const directory = { assertsDirectory: true, contents: false };
  const contents = { assertsDirectory: true, contents: true };
  test.each([
    ["/a/b", { path: "/a/b", name: "b", ...bare }],
    ["a", { path: "/base/a", name: "a", ...bare }],
    ["./a", { path: "/base/a", name: "a", ...bare }],
    ["../a", { path: "/a", name: "a", ...bare }],
    ["a/", { path: "/base/a", name: "a", ...directory }],
    ["a//", { path: "/base/a", name: "a", ...directory }],
    ["a/.", { path: "/base/a", name: "a", ...contents }],
    [".", { path: "/base", name: "base", ...contents }],
    ["..", { path: "/", name: "", ...directory }],
    ["a/..", { path: "/base", name: "base", ...directory }],
    ["/", { path: "/", name: "", ...directory }],
    ["/.", { path: "/", name: "", ...contents }],
    ["", { path: "/base", name: "base", ...directory }],
    ["/../../x", { path: "/x", name: "x", ...bare }],
    ["a:b", { path: "/base/a:b", name: "a:b", ...bare }],
    ["...", { path: "/base/...", name: "...", ...bare }],
  ])("%j", (text, expected) => {
    expect(parseCopyPath(text, "/base")).toEqual(expected);
  });
});

/** Source, what it is, destination, what it is → what becomes of it. */
const TABLE: readonly (readonly [string, SourceKind, string, DestinationKind, string])[] = [
  ["f", "file", "x", "missing", "replace"],
  ["f", "file", "x/", "missing", "no such directory"],
  ["f", "file", "x", "file", "replace"],
  ["f", "file", "x/", "file", "not a directory"],
  ["f", "file", "x", "directory", "named f"],
  ["f", "file", "x/.", "directory", "named f"],
  ["f", "file", "x", "noParent", "no such directory"],
  ["f/", "file", "x", "missing", "not a directory"],
  ["f/.", "file", "x", "directory", "not a directory"],
  ["l", "link", "x", "directory", "named l"],
  ["l/", "link", "x", "directory", "not a directory"],
  ["d", "directory", "x", "missing", "replace"],
  ["d", "directory", "x/", "missing", "replace"],
  ["d", "directory", "x", "file", "cannot copy directory"],
  ["d", "directory", "x", "directory", "named d"],
  ["d/", "directory", "x", "directory", "named d"],
  ["d/.", "directory", "x", "missing", "replace"],
  ["d/.", "directory", "x", "file", "cannot copy directory"],
  ["d/.", "directory", "x", "directory", "contents"],
  ["/", "directory", "x", "directory", "contents"],
  ["/", "directory", "x", "missing", "replace"],
  ["d", "directory", "x", "noParent", "no such directory"],
];

test.each(TABLE)("%s (%s) to %s (%s): %s", (from, sourceKind, to, destinationKind, expected) => {
  const [source, destination] = [parseCopyPath(from, "/a"), parseCopyPath(to, "/b")];
  let outcome = "";
  try {
    const { placing, name } = planCopy({ source, sourceKind, destination, destinationKind });
    outcome = `${placing} ${name}`.trim();
  } catch (error) {
    outcome = (error as Error).message.split(": ").at(-1) ?? "";
  }
  expect(outcome).toBe(expected);
});
