// A stopwatch (crates/probe/src/bin/stopwatch.rs) inside a test environment: times programs as the user there, without the
// cost of getting in.

import { copyFileSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Running } from "../../test/support/command.ts";
import type { TestEnv } from "../../test/support/environment.ts";

const PROGRAM = resolve(import.meta.dir, "../../dist/test/stopwatch");
/** For all that one environment ever measures. */
const LIFETIME_MS = 2 * 60 * 60 * 1000;

export interface Lap {
  ms: number;
  stdout: string;
}

interface Answer {
  ms?: number;
  code?: number | null;
  stdout?: string;
  stderr?: string;
  error?: string;
}

export class Stopwatch {
  readonly #running: Running;
  #answered = 0;

  /** `launcher`: words before it, as of any program in the environment. */
  constructor(env: TestEnv, launcher?: string[]) {
    const program = join(env.home, "stopwatch");
    // Another one may be running.
    if (!existsSync(program)) copyFileSync(PROGRAM, program);
    const options = { interactive: true, timeoutMs: LIFETIME_MS };
    this.#running = env.startOther([program], launcher === undefined ? options : { ...options, launcher });
  }

  /** @throws when the program fails: what fails quickly is not fast */
  async time(command: string[]): Promise<Lap> {
    await this.#running.write(`${JSON.stringify(command)}\n`);
    this.#answered += 1;
    const lines = new RegExp(`^(?:.*\\n){${this.#answered - 1}}(.*)\\n`);
    const [, line = ""] = await this.#running.waitFor(lines);
    const { ms, code, stdout = "", stderr = "", error } = JSON.parse(line) as Answer;
    if (ms === undefined || code !== 0) {
      throw new Error(`${command.join(" ")}: ${error ?? `exit code ${code}`}\n${stdout}${stderr}`);
    }
    return { ms, stdout };
  }

  async close(): Promise<void> {
    await this.#running.closeStdin();
    await this.#running.result();
  }
}
