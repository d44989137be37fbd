// A pull on a terminal and elsewhere.

import { describe, expect, test } from "bun:test";
import { PullProgress } from "../../../src/cli/progress.ts";
import { isTagImplied, missingImage, pullingFrom, pullStatus } from "../../../src/cli/pull-words.ts";
import type { CreateRequest } from "../../../src/container/index.ts";
import type { PullEvent } from "../../../src/engine/index.ts";
import { parseReference } from "../../../src/image/index.ts";

type Layer = Extract<PullEvent, { kind: "layer" }>;

function layer(digest: string, status: Layer["status"], current = 0, total = 0): Layer {
  return { kind: "layer", digest, status, current, total };
}

function record(size: { columns: number; rows: number } | null): {
  progress: PullProgress;
  text: () => string;
  clock: { now: number };
} {
  let text = "";
  const clock = { now: 0 };
  const progress = new PullProgress({ size, write: (part) => (text += part), now: () => clock.now });
  return {
    progress,
    clock,
    text() {
      const result = text;
      text = "";
      return result;
    },
  };
}

describe("without a terminal", () => {
  test("there is a line per step, none for bytes, none with control characters", () => {
    const { progress, text } = record(null);
    progress.line("latest: Pulling from library/\u001b[31mx");
    progress.layer(layer("aaa", "waiting"));
    progress.layer(layer("aaa", "downloading", 1, 10));
    progress.layer(layer("aaa", "downloading", 5, 10));
    progress.layer({ ...layer("bbb", "retrying"), detail: "reset\u001b" });
    progress.layer(layer("aaa", "done", 10, 10));
    progress.finish();
    expect(text()).toBe(
      "latest: Pulling from library/\\x1b[31mx\naaa: Pulling fs layer\naaa: Downloading\nbbb: Retrying (reset\\x1b)\naaa: Pull complete\n",
    );
  });
});

describe("on a terminal", () => {
  test("lines are redrawn in place, at most every 80 ms while nothing but bytes change", () => {
    const { progress, text, clock } = record({ columns: 100, rows: 24 });
    progress.layer(layer("aaa", "downloading", 0, 1_000_000));
    expect(text()).toBe(`aaa: Downloading [>${" ".repeat(29)}]  0B/1MB\n`);
    clock.now = 10;
    progress.layer(layer("aaa", "downloading", 300_000, 1_000_000));
    expect(text()).toBe("");
    clock.now = 90;
    progress.layer(layer("aaa", "downloading", 500_000, 1_000_000));
    expect(text()).toBe(`\u001b[1A\u001b[Jaaa: Downloading [${"=".repeat(15)}>${" ".repeat(14)}]  500kB/1MB\n`);
    progress.layer(layer("aaa", "done"));
    expect(text()).toBe("\u001b[1A\u001b[Jaaa: Pull complete\n");
    progress.finish();
    expect(text()).toBe("\u001b[1A\u001b[Jaaa: Pull complete\n");
    progress.finish();
    expect(text()).toBe("");
  });

  test("a message goes above the layers", () => {
    const { progress, text } = record({ columns: 100, rows: 24 });
    progress.layer(layer("aaa", "waiting"));
    text();
    progress.line("WARNING: careful");
    expect(text()).toBe("\u001b[1A\u001b[JWARNING: careful\naaa: Pulling fs layer\n");
  });

  test("more layers than rows: those under way, and how many are not shown", () => {
    const { progress, text } = record({ columns: 100, rows: 5 });
    for (const name of ["a", "b", "c"]) progress.layer(layer(name, "done"));
    for (const name of ["d", "e"]) progress.layer(layer(name, "waiting"));
    expect(text().split("\u001b[J").at(-1)).toBe("d: Pulling fs layer\ne: Pulling fs layer\n… and 3 more layers\n");
  });

  test("a narrow terminal clips, for a wrapped line could not be taken back", () => {
    const { progress, text } = record({ columns: 20, rows: 24 });
    progress.layer(layer("aaaaaaaaaaaa", "downloading", 1, 2));
    expect(text()).toBe("aaaaaaaaaaaa: Downl\n");
  });

  test("a total that was too small does not overflow the bar", () => {
    const { progress, text } = record({ columns: 100, rows: 24 });
    progress.layer(layer("a", "unpacking", 20, 10));
    expect(text()).toBe(`a: Extracting [${"=".repeat(30)}]  10B/10B\n`);
  });
});

describe("docker's sentences", () => {
  test.each([
    ["alpine", "latest: Pulling from library/alpine", "Status: Image is up to date for alpine:latest", true],
    ["alpine:latest", "latest: Pulling from library/alpine", "Status: Image is up to date for alpine:latest", false],
    [
      "localhost:5000/a/b",
      "latest: Pulling from a/b",
      "Status: Image is up to date for localhost:5000/a/b:latest",
      true,
    ],
    ["a/b:1", "1: Pulling from a/b", "Status: Image is up to date for a/b:1", false],
  ] as [string, string, string, boolean][])("for %s", (name, from, status, implied) => {
    expect(pullingFrom(parseReference(name))).toBe(from);
    expect(pullStatus(parseReference(name), false)).toBe(status);
    expect(isTagImplied(name)).toBe(implied);
  });

  test("when an image is missing, with the tag that is meant", () => {
    const request = (image: string, pull: string): CreateRequest => ({ image, pull }) as CreateRequest;
    expect(missingImage(request("alpine", "missing"))).toEqual(["Unable to find image 'alpine:latest' locally"]);
    expect(missingImage(request("alpine:3", "missing"))).toEqual(["Unable to find image 'alpine:3' locally"]);
    expect(missingImage(request("alpine", "always"))).toEqual([]);
  });
});
