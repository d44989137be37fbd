// The environment of a container's process: what wins over what.

import { describe, expect, test } from "bun:test";
import { type CreateRequest, type EnvironmentSettings, planEnvironment } from "../../../src/container/index.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const IMAGE = ["PATH=/bin", "A=image", "B=b"];

function plan(env: string[], environment?: Partial<EnvironmentSettings>, image = IMAGE): string[] {
  const settings = { host: [], merge: [], unset: [], unsetAll: false, ...environment };
  // Only these two are looked at.
  const request = { env, ...(environment === undefined ? {} : { environment: settings }) } as unknown as CreateRequest;
  return planEnvironment(image, request);
}

describe("the environment", () => {
  test.each([
    ["is the image's", [], undefined, IMAGE],
    ["is changed by name, in its place", ["A=x", "C=c"], undefined, ["PATH=/bin", "A=x", "B=b", "C=c"]],
    ["loses what is named without a value", ["A"], undefined, ["PATH=/bin", "B=b"]],
    ["has the host's below the image's", [], { host: ["A=host", "H=h"] }, ["PATH=/bin", "A=image", "H=h", "B=b"]],
    ["loses what is unset", [], { unset: ["A", "GONE"] }, ["PATH=/bin", "B=b"]],
    ["has what is said, unset or not", ["A=x"], { unset: ["A"] }, ["PATH=/bin", "B=b", "A=x"]],
    ["is only what is said when all is unset", ["A=x"], { unsetAll: true, host: ["H=h"] }, ["A=x"]],
  ] as const)("%s", (_, env, settings, expected) => {
    const sorted = (list: readonly string[]) => [...list].sort();
    expect(sorted(plan([...env], settings as Partial<EnvironmentSettings> | undefined))).toEqual(sorted(expected));
  });

  test("has docker's PATH where neither image nor host has one", () => {
    expect(plan([], undefined, [])).toEqual([DEFAULT_PATH]);
    expect(plan([], { host: ["PATH=/host"] }, [])).toEqual(["PATH=/host"]);
  });
});

describe("--env-merge", () => {
  test.each([
    ["A=$A-more", "image-more"],
    ["A=${A}more", "imagemore"],
    ["A=$B$A", "bimage"],
    ["A=${NONE:-else}", "else"],
    ["A=${B:-else}", "b"],
    ["A=${B:+given}${NONE:+given}", "given"],
    ["A=$NONE", ""],
    ["A=\\$A\\\\", "$A\\"],
    ["A=x=$A", "x=image"],
  ])("%s", (word, expected) => {
    expect(plan([], { merge: [word] })).toContain(`A=${expected}`);
  });

  test("changes only what is there, and loses to what is said", () => {
    expect(plan([], { merge: ["NEW=$A"] })).toEqual(IMAGE);
    expect(plan(["A=x"], { merge: ["A=$A$A"] })).toContain("A=x");
  });

  test.each(["A=$", "A=${", "A=${A", "A=${A:?x}", "A=$1", "A=a$ b"])("%s is refused", (word) => {
    expect(() => plan([], { merge: [word] })).toThrow(`unable to process variables for --env-merge ${word}`);
  });
});
