// Invocations, row by row: exit code, output and message are docker's to the same words, or the row says what ours are and
// why. docker's and podman's answers are records (test/expected/invocations) of what they did here:
//
//   DOCKER_HOST=unix:///… BUNKER_UPDATE_EXPECTED=1 bun test test/e2e/invocations.test.ts
//
// makes them anew, given a docker engine that has the test image as `busybox` and nothing else.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import {
  agrees,
  type Answer,
  answerOf,
  type Difference,
  readAnswers,
  type Row,
  SETTING,
  splitWords,
} from "../support/invocation.ts";
import { recordAnswers } from "../support/invocation-record.ts";
import { Stage } from "../support/stage.ts";
import { CONTAINERS } from "./invocations/containers.ts";
import { COPYING } from "./invocations/copying.ts";
import { CREATING } from "./invocations/creating.ts";
import { IMAGES, VOLUMES } from "./invocations/images.ts";
import { PROCESSES } from "./invocations/processes.ts";
import { WORDS } from "./invocations/words.ts";

const TOPICS = {
  words: WORDS,
  creating: CREATING,
  processes: PROCESSES,
  containers: CONTAINERS,
  images: IMAGES,
  volumes: VOLUMES,
  copying: COPYING,
};
const OPENING_TIMEOUT_MS = 300_000;

const stage = new Stage([]);
const { it } = stage;

beforeAll(async () => {
  // Where all tests are skipped there is nothing to open it with.
  if (it !== test) return;
  await stage.open({});
  if (process.env["BUNKER_UPDATE_EXPECTED"] === "1") {
    await recordAnswers(
      stage.env,
      Object.fromEntries(Object.entries(TOPICS).map(([topic, rows]) => [topic, rows.map(lineOf)])),
    );
  }
  for (const line of SETTING) await stage.env.ok(splitWords(line));
}, OPENING_TIMEOUT_MS);
afterAll(() => stage.close());

function lineOf(row: Row): string {
  return typeof row === "string" ? row : row[0];
}

/** Ours where it is what the row expects, else what was expected: a failure then shows both. */
function expected(ours: Answer, docker: Answer, difference: Difference | null): Answer {
  if (difference === null) return agrees(ours, docker) ? ours : docker;
  const { code = docker.code, prints = docker.prints, says } = difference;
  return { code, prints, says: says !== undefined && ours.says.includes(says) ? ours.says : (says ?? docker.says) };
}

describe.each(Object.entries(TOPICS))("%s", (topic, rows) => {
  it.each(rows.map((row) => [lineOf(row), row] as const))("%s", async (line, row) => {
    const docker = readAnswers(topic).get(line)?.docker;
    if (docker === undefined) throw new Error("docker was not asked; record its answer");
    const difference = typeof row === "string" ? null : row[1];
    const ours = answerOf(await stage.env.run(splitWords(line)));
    expect(ours).toEqual(expected(ours, docker, difference));
    // A difference that is none any more has no place in the table.
    expect(difference !== null && agrees(ours, docker)).toBe(false);
  });
});
