// `--sort`, and a table without its headings.

import { describe, expect, test } from "bun:test";
import { CONTAINER_LISTING, type ContainerFacts } from "../../../src/cli/container-row.ts";
import { formatRows } from "../../../src/cli/format.ts";
import { CONTAINER_ORDERS, IMAGE_ORDERS, inOrder, orderFlag } from "../../../src/cli/order.ts";
import type { ImageSummary } from "../../../src/engine/index.ts";

const container = (facts: Partial<ContainerFacts>): ContainerFacts => ({
  id: "a",
  name: "n",
  image: "i",
  imageId: "",
  args: ["sh"],
  createdAt: new Date(0),
  pid: 7,
  status: "running",
  startedAt: null,
  finishedAt: null,
  exitCode: 0,
  labels: {},
  mounts: [],
  networks: [],
  ports: [],
  size: null,
  ...facts,
});

const CONTAINERS = [
  container({ id: "2", name: "one", image: "z", createdAt: new Date(3000), args: ["b"], status: "running" }),
  container({ id: "3", name: "two", image: "x", createdAt: new Date(1000), args: ["a", "z"], status: "exited" }),
  container({ id: "1", name: "three", image: "y", createdAt: new Date(2000), args: ["a", "b"], status: "created" }),
].map((facts, at) => ({ ...facts, startedAt: at === 1 ? null : new Date(at), size: { written: 0, total: 3 - at } }));

test.each([
  ["command", "three two one"],
  ["created", "two three one"],
  ["id", "three one two"],
  ["image", "two three one"],
  ["names", "one three two"],
  ["runningfor", "one two three"],
  ["size", "three two one"],
  ["status", "three two one"],
  [null, "one two three"],
])("ps --sort %s", (key, expected) => {
  const sorted = inOrder(CONTAINERS, CONTAINER_ORDERS, key);
  expect(sorted.map(({ name }) => name).join(" ")).toBe(expected);
});

const image = (summary: Partial<ImageSummary>): ImageSummary => ({
  id: "a",
  repository: null,
  tag: null,
  digest: null,
  createdAt: null,
  size: 0,
  containers: 0,
  labels: {},
  dangling: false,
  references: [],
  ...summary,
});

const IMAGES = [
  image({ id: "2", repository: "b", tag: "x", size: 3, createdAt: "2026-01-02T00:00:00Z" }),
  image({ id: "3", repository: "a", tag: "z", size: 1 }),
  image({ id: "1", repository: "c", tag: "y", size: 2, createdAt: "2026-03-02T00:00:00Z" }),
];

test.each([
  ["created", "1 2 3"],
  ["id", "1 2 3"],
  ["repository", "3 2 1"],
  ["size", "3 1 2"],
  ["tag", "2 1 3"],
])("images --sort %s", (key, expected) => {
  const sorted = inOrder(IMAGES, IMAGE_ORDERS, key);
  expect(sorted.map(({ id }) => id).join(" ")).toBe(expected);
});

test("another key is refused, with those there are", () => {
  const { parse } = orderFlag(IMAGE_ORDERS);
  expect(parse("tag")).toBe("tag");
  expect(() => parse("constructor")).toThrow('"constructor" is not a valid value. Choose from: created, id, repo');
});

describe("without headings", () => {
  const rows = [{ ID: "1", Names: "web" }];
  test.each([
    ["table {{.ID}}\t{{.Names}}", "1         web\n"],
    ["{{.ID}} {{.Names}}", "1 web\n"],
  ])("%p", async (format, expected) => {
    const options = { format, escape: false, noheading: true };
    expect(await formatRows(CONTAINER_LISTING, rows, options)).toBe(expected);
  });

  test("the default table", async () => {
    const listing = { ...CONTAINER_LISTING, columns: ["ID", "Names"] };
    expect(await formatRows(listing, rows, { format: null, escape: false, noheading: true })).toBe("1         web\n");
    expect(await formatRows(listing, [], { format: null, escape: false, noheading: true })).toBe("");
  });
});
