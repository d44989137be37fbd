// Opens the engine for one command. The engine is loaded here, when a command really needs it:
// help, completion and mistakes do not.

import type { Engine } from "../engine/index.ts";
import { BunkerError, type ErrorCode } from "../errors.ts";
import type { GlobalOptions } from "./verb.ts";

export type EngineCalls = typeof import("../engine/index.ts");

let used = false;

/** Whether this command opened the engine, and with it the addon. */
export function usedEngine(): boolean {
  return used;
}

/** Real root leaves it all to the first of its subordinate ids. */
export async function withEngine<T>(
  globals: GlobalOptions,
  use: (engine: Engine, calls: EngineCalls) => Promise<T>,
): Promise<T> {
  const calls = await import("../engine/index.ts");
  if (process.getuid?.() === 0) (await calls.loadRoot()).leaveRoot(globals);
  const engine = calls.openEngine(globals);
  used = true;
  try {
    return await use(engine, calls);
  } catch (error) {
    throw await explain(engine, calls, error);
  } finally {
    calls.sweep(engine);
    // Not closed: the process is about to end, and an open database then costs nothing (native's `exitNow`).
  }
}

/** What may be the host's doing; the rest is about what was asked for. */
const OF_HOST: ReadonlySet<ErrorCode> = new Set(["bad-path", "host-refused", "no-space", "system"]);

/** With the cause and what mends it, where the host refused something. */
async function explain(engine: Engine, calls: EngineCalls, error: unknown): Promise<unknown> {
  if (!(error instanceof BunkerError) || !OF_HOST.has(error.code)) return error;
  const { explainFailure } = await calls.loadDoctor();
  return explainFailure(engine, error);
}

/** Whether standard output is read on a terminal. Only while the engine is open: it has loaded the addon. */
export async function isTerminalOutput(): Promise<boolean> {
  const { isTerminal } = await import("../native/index.ts");
  return isTerminal(1);
}
