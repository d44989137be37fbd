// Opens the engine for one command. The engine is loaded here, when a command really needs it:
// help, completion and mistakes do not.

import type { Engine } from "../engine/index.ts";
import type { GlobalOptions } from "./verb.ts";

export type EngineCalls = typeof import("../engine/index.ts");

let used = false;

/** Whether this command opened the engine, and with it the addon. */
export function usedEngine(): boolean {
  return used;
}

export async function withEngine<T>(
  globals: GlobalOptions,
  use: (engine: Engine, calls: EngineCalls) => Promise<T>,
): Promise<T> {
  const calls = await import("../engine/index.ts");
  used = true;
  const engine = calls.openEngine(globals);
  try {
    return await use(engine, calls);
  } finally {
    calls.sweep(engine);
    // Not closed: the process is about to end, and an open database then costs nothing (native's `exitNow`).
  }
}

/** Whether standard output is read on a terminal. Only while the engine is open: it has loaded the addon. */
export async function isTerminalOutput(): Promise<boolean> {
  const { isTerminal } = await import("../native/index.ts");
  return isTerminal(1);
}
