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

/** `asRoot`: for what real root is to do as itself. Anything else it leaves to the first of its subordinate ids. */
export async function withEngine<T>(
  globals: GlobalOptions,
  use: (engine: Engine, calls: EngineCalls) => Promise<T>,
  options: { asRoot?: boolean } = {},
): Promise<T> {
  const calls = await import("../engine/index.ts");
  if (process.getuid?.() === 0 && options.asRoot !== true) (await calls.loadRoot()).leaveRoot(globals);
  const engine = calls.openEngine(globals);
  used = true;
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
