// Makes the records of docker's and podman's answers to invocations anew. Runs when somebody asks for it, one row after another.

import { appendFileSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type CommandResult, Running } from "./command.ts";
import type { TestEnv } from "./environment.ts";
import { imageLayout } from "./image-cache.ts";
import { type Answer, answerOf, recordPath, SETTING, splitWords } from "./invocation.ts";
import { configurePodman } from "./podman.ts";
import { runProgram } from "./program.ts";

/** docker looks for a plug-in for 15 seconds. */
const TIMEOUT_MS = 30_000;
/** What an answer is worth keeping of. */
const LONGEST = 400;
const ENDLESS: Answer = { code: null, prints: "", says: "" };

type Run = (words: string[]) => Promise<CommandResult>;

/** Runs the rows of all topics with docker (`$DOCKER_HOST`) and with podman, and writes what they answered. */
export async function recordAnswers(env: TestEnv, topics: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const rows = Object.values(topics).flat();
  const docker = await answersOf((words) => runDocker(words), rows);
  const podman = await answersOf(await preparePodman(env), rows);
  for (const [topic, lines] of Object.entries(topics)) {
    const records = lines.map((words) => {
      const record = JSON.stringify({ words, docker: docker.get(words), podman: podman.get(words) });
      return record.replaceAll(env.host.base, "/base");
    });
    writeFileSync(recordPath(topic), `${records.join("\n")}\n`);
  }
}

async function answersOf(run: Run, rows: readonly string[]): Promise<Map<string, Answer>> {
  for (const line of SETTING) await run(splitWords(line));
  const answers = new Map<string, Answer>();
  for (const line of rows) {
    // A podman without a cgroup of its own pauses nothing, and then waits for what is not paused.
    const answer = await run(splitWords(line)).then(answerOf, () => ENDLESS);
    answers.set(line, { ...answer, says: answer.says.slice(0, LONGEST) });
  }
  return answers;
}

function runDocker(words: string[]): Promise<CommandResult> {
  const command = ["env", `DOCKER_HOST=${process.env["DOCKER_HOST"] ?? ""}`, "--chdir=/", "docker", ...words];
  return new Running(command, "docker", { timeoutMs: TIMEOUT_MS }).result();
}

async function preparePodman(env: TestEnv): Promise<Run> {
  configurePodman(env);
  appendFileSync(join(env.home, ".config/containers/containers.conf"), '[containers]\nnetns = "none"\n');
  const run: Run = (words) => env.startOther(["podman", ...words], { timeoutMs: TIMEOUT_MS }).result();
  const layout = join(env.home, "layout");
  // The cache may lie where the user may not look.
  cpSync(await imageLayout("busybox"), layout, { recursive: true });
  await runProgram(["chmod", "-R", "a+rX", layout]);
  await run(["pull", "--quiet", `oci:${layout}:latest`]);
  const { stdout } = await run(["images", "--quiet"]);
  await run(["tag", stdout.trim(), "docker.io/library/busybox:latest"]);
  return run;
}
