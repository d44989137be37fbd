// Opens the engine for one command and closes it again. The engine is loaded here, when a command really needs it:
// help, completion and mistakes do not.

import type { Engine } from "../engine/index.ts";
import { explainSystemError } from "../errors.ts";
import type { GlobalOptions } from "./verb.ts";

export type EngineCalls = typeof import("../engine/index.ts");

export async function withEngine<T>(
  globals: GlobalOptions,
  use: (engine: Engine, calls: EngineCalls) => Promise<T>,
): Promise<T> {
  const calls = await import("../engine/index.ts");
  try {
    const engine = calls.openEngine(globals);
    try {
      return await use(engine, calls);
    } finally {
      engine.close();
    }
  } catch (error) {
    throw explainSystemError(error);
  }
}

/** Whether standard output is read on a terminal. Only while the engine is open: it has loaded the addon. */
export async function isTerminalOutput(): Promise<boolean> {
  const { isTerminal } = await import("../native/index.ts");
  return isTerminal(1);
}
