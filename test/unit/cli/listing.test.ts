// Containers and images as rows, and the filters that choose them.

import { describe, expect, test } from "bun:test";
import { parseContainerFilter } from "../../../src/cli/container-filter.ts";
import { CONTAINER_LISTING, type ContainerFacts, containerRow } from "../../../src/cli/container-row.ts";
import { formatRows } from "../../../src/cli/format.ts";
import { imageRow, matchesPath, selectImages } from "../../../src/cli/image-row.ts";
import type { ImageSummary } from "../../../src/engine/index.ts";

const NOW = new Date("2026-11-25T12:00:00Z");
const IMAGE_ID = `sha256:${"1".repeat(64)}`;

function container(facts: Partial<ContainerFacts>): ContainerFacts {
  return {
    id: "a".repeat(64),
    name: "web",
    image: "nginx:1.27",
    imageId: IMAGE_ID,
    args: ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"],
    createdAt: new Date("2026-11-25T11:57:50Z"),
    pid: 7,
    status: "running",
    startedAt: new Date("2026-11-25T11:58:00Z"),
    finishedAt: null,
    exitCode: 0,
    labels: {},
    mounts: [],
    networks: ["default"],
    ports: [],
    size: null,
    ...facts,
  };
}

describe("a row of ps", () => {
  test.each([
    [{}, "Command", '"/docker-entrypoint.…"'],
    [{ args: ["sh"] }, "Command", '"sh"'],
    [{ args: ["\u001b[31m", '"'] }, "Command", '"\\x1b[31m \\""'],
    [{}, "RunningFor", "2 minutes ago"],
    [{}, "Status", "Up 2 minutes"],
    [{ startedAt: new Date("2026-11-25T11:59:57Z") }, "Status", "Up 3 seconds"],
    [
      { status: "exited", finishedAt: new Date("2026-11-25T11:55:00Z"), exitCode: 137 },
      "Status",
      "Exited (137) 5 minutes ago",
    ],
    [{ status: "exited", exitCode: 255 }, "Status", "Exited (255)"],
    [{ status: "created" }, "Status", "Created"],
    [{ status: "removing" }, "Status", "Removal In Progress"],
    [{ image: IMAGE_ID }, "Image", "111111111111"],
    [{ image: "111111111111" }, "Image", "111111111111"],
    [{ image: `nginx:1.27@sha256:${"2".repeat(64)}` }, "Image", "nginx:1.27"],
    [{ image: `nginx@sha256:${"2".repeat(64)}` }, "Image", `nginx@sha256:${"2".repeat(64)}`],
    [
      { image: `localhost:5000/nginx@sha256:${"2".repeat(64)}` },
      "Image",
      `localhost:5000/nginx@sha256:${"2".repeat(64)}`,
    ],
    [{ labels: { b: "2", a: "1" } }, "Labels", "a=1,b=2"],
    [{}, "Size", "0B"],
    [{ size: { written: 1_234_567, total: 98_765_432 } }, "Size", "1.23MB (virtual 98.8MB)"],
    [
      {
        mounts: [
          { source: "/src", target: "/a", volume: false },
          { source: "0123456789abcdef0123", target: "/b", volume: true },
        ],
      },
      "Mounts",
      "/src,0123456789abcdef…",
    ],
    [{ mounts: [{ source: "v", target: "/b", volume: true }] }, "LocalVolumes", "1"],
  ] as [Partial<ContainerFacts>, string, string][])("%j: %s is %s", (facts, field, expected) => {
    expect(containerRow(container(facts), { now: NOW, truncate: true })[field]).toBe(expected);
  });

  test("is whole with --no-trunc", () => {
    const row = containerRow(container({ image: IMAGE_ID }), { now: NOW, truncate: false });
    expect(row).toMatchObject({
      ID: "a".repeat(64),
      Image: IMAGE_ID,
      Command: `"/docker-entrypoint.sh nginx -g 'daemon off;'"`,
    });
  });

  test("gives a label by its name, own ones only", async () => {
    const rows = [containerRow(container({ labels: { "a.b": "1" } }), { now: NOW, truncate: true })];
    const format = '{{.Label "a.b"}}|{{.Label "constructor"}}';
    expect(await formatRows(CONTAINER_LISTING, rows, { format, escape: false })).toBe("1|\n");
  });

  test("has docker's columns", async () => {
    const rows = [containerRow(container({}), { now: NOW, truncate: true })];
    expect(await formatRows(CONTAINER_LISTING, rows, { format: null, escape: false })).toMatchInlineSnapshot(`
      "CONTAINER ID   IMAGE        COMMAND                  CREATED         STATUS         PORTS     NAMES
      aaaaaaaaaaaa   nginx:1.27   "/docker-entrypoint.…"   2 minutes ago   Up 2 minutes             web
      "
    `);
  });
});

const CONTAINERS = [
  container({ id: `aaaa${"0".repeat(60)}`, name: "web", labels: { tier: "front", x: "" }, createdAt: new Date(3000) }),
  container({
    id: `bbbb${"0".repeat(60)}`,
    name: "web-db",
    image: "postgres",
    labels: { tier: "back" },
    createdAt: new Date(2000),
  }),
  container({
    id: `cccc${"0".repeat(60)}`,
    name: "job",
    status: "exited",
    exitCode: 3,
    createdAt: new Date(1000),
    mounts: [{ source: "data", target: "/data", volume: true }],
    networks: ["none"],
  }),
];

describe("ps --filter", () => {
  test.each([
    ["name=web", ["web", "web-db"]],
    ["name=^web$", ["web"]],
    ["name=^/web$", ["web"]],
    ["name=(", []],
    ["id=bb", ["web-db"]],
    ["label=tier", ["web", "web-db"]],
    ["label=tier=back", ["web-db"]],
    ["label=tier label=x", ["web"]],
    ["label=constructor", []],
    ["status=exited", ["job"]],
    ["status=exited status=running", ["web", "web-db", "job"]],
    ["exited=3", ["job"]],
    ["exited=0", []],
    ["ancestor=postgres", ["web-db"]],
    ["ancestor=postgres:latest", ["web-db"]],
    ["ancestor=nginx", []],
    ["ancestor=1111", ["web", "web-db", "job"]],
    ["volume=data", ["job"]],
    ["volume=/data", ["job"]],
    ["network=none", ["job"]],
    ["health=none", ["web", "web-db", "job"]],
    ["health=healthy", []],
    ["before=web", ["web-db", "job"]],
    ["since=cccc", ["web", "web-db"]],
    ["since=job before=web", ["web-db"]],
    ["name=web status=exited", []],
    ["label!=tier", ["job"]],
    ["label!=tier=back", ["web", "job"]],
  ])("%s", (text, expected) => {
    const words = text.split(" ").map((word) => {
      const [key = "", ...rest] = word.split("=");
      return [key, rest.join("=")] as const;
    });
    expect(
      parseContainerFilter(words)
        .apply(CONTAINERS)
        .map(({ name }) => name),
    ).toEqual(expected);
  });

  test.each([
    ["foo", "x", "invalid filter 'foo'"],
    ["constructor", "x", "invalid filter 'constructor'"],
    ["status", "bar", "invalid filter 'status=bar'"],
    ["health", "bar", "invalid filter 'health=bar'"],
    ["exited", "x", "invalid filter 'exited=x'"],
  ])("%s=%s is refused", (key, value, expected) => {
    expect(() => parseContainerFilter([[key, value]])).toThrow(expected);
  });

  test("until: those made earlier", () => {
    const now = new Date(5000);
    const names = (text: string) =>
      parseContainerFilter([["until", text]], now)
        .apply(CONTAINERS)
        .map(({ name }) => name);
    expect(names("1s")).toEqual(["web", "web-db", "job"]);
    expect(names("2s")).not.toContain("web");
    expect(names("1h")).toEqual([]);
    expect(() => names("soon")).toThrow("neither a time");
  });

  test("a container that is not there cannot be a limit", () => {
    expect(() => parseContainerFilter([["before", "nope"]]).apply(CONTAINERS)).toThrow("no such container: nope");
  });
});

function image(summary: Partial<ImageSummary>): ImageSummary {
  return {
    id: IMAGE_ID,
    repository: "docker.io/library/nginx",
    tag: "1.27",
    digest: null,
    createdAt: "2026-11-05T12:00:00Z",
    size: 187_654_321,
    containers: 0,
    labels: {},
    dangling: false,
    references: [],
    ...summary,
  };
}

const IMAGES = [
  image({ labels: { a: "1" } }),
  image({
    repository: "localhost:5000/team/app",
    tag: "x",
    id: `sha256:${"2".repeat(64)}`,
    createdAt: "2026-11-20T00:00:00Z",
  }),
  image({ repository: null, tag: null, dangling: true, id: `sha256:${"3".repeat(64)}`, createdAt: null }),
];

describe("a row of images", () => {
  test.each([
    [
      IMAGES[0],
      {
        ID: "111111111111",
        Repository: "nginx",
        Tag: "1.27",
        CreatedSince: "2 weeks ago",
        Size: "188MB",
        Digest: "<none>",
      },
    ],
    [IMAGES[1], { Repository: "localhost:5000/team/app", Tag: "x", CreatedSince: "5 days ago" }],
    [IMAGES[2], { Repository: "<none>", Tag: "<none>", CreatedSince: "", CreatedAt: "0001-01-01 00:00:00 +0000 UTC" }],
  ] as [ImageSummary, Record<string, string>][])("%#", (summary, expected) => {
    expect(imageRow(summary, { now: NOW, truncate: true })).toMatchObject(expected);
  });
});

describe("images --filter", () => {
  const tags = (words: [string, string][], name: string | null = null): (string | null)[] =>
    selectImages(IMAGES, words, { name, now: NOW }).map(({ tag }) => tag);

  test.each([
    [[], null, ["x", "1.27", null]],
    [[["dangling", "true"]], null, [null]],
    [[["dangling", "false"]], null, ["x", "1.27"]],
    [[["label", "a=1"]], null, ["1.27"]],
    [[["reference", "nginx"]], null, ["1.27"]],
    [[["reference", "*:1.*"]], null, ["1.27"]],
    [[["reference", "localhost:5000/*/app"]], null, ["x"]],
    [[["reference", "docker.io/library/nginx:1.27"]], null, ["1.27"]],
    [[["before", "localhost:5000/team/app:x"]], null, ["1.27", null]],
    [[["since", "nginx:1.27"]], null, ["x"]],
    [[["until", "240h"]], null, ["1.27", null]],
    [[["id", "2222"]], null, ["x"]],
    [[["id", `sha256:${"3".repeat(64)}`]], null, [null]],
    [[["digest", "sha256:0"]], null, []],
    [[["label!", "a"]], null, ["x", null]],
    [[], "nginx", ["1.27"]],
    [[], "nginx:1.26", []],
    [[], "localhost:5000/team/app", ["x"]],
  ] as [[string, string][], string | null, (string | null)[]][])("%j %j", (words, name, expected) => {
    expect(tags(words, name)).toEqual(expected);
  });

  test.each([
    [[["foo", "x"]], "invalid filter 'foo'"],
    [[["dangling", "maybe"]], "invalid filter 'dangling=maybe'"],
    [[["before", "nope"]], "no such image: nope"],
    [[["until", "soon"]], "neither a time"],
  ] as [[string, string][], string][])("%j is refused", (words, expected) => {
    expect(() => tags(words)).toThrow(expected);
  });
});

test.each([
  ["a*c", "abc", true],
  ["a*c", "a/c", false],
  ["a?c", "abc", true],
  ["[a-c]x", "bx", true],
  ["[^a]x", "bx", true],
  ["a.c", "abc", false],
  ["a(", "a(", true],
  ["[", "[", true],
])("%j against %j: %p, as Go's path.Match", (pattern, text, expected) => {
  expect(matchesPath(pattern, text)).toBe(expected);
});
