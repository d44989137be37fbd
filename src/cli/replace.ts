// podman's --replace: whoever has the name goes first.

import { BunkerError } from "../errors.ts";
import type { Engine } from "../engine/index.ts";
import type { EngineCalls } from "./engine.ts";
import { UsageError } from "./usage.ts";

/** @throws UsageError in podman's words without a name */
export async function replaceContainer(
  { engine, calls }: { engine: Engine; calls: EngineCalls },
  name: string | null,
): Promise<void> {
  if (name === null) throw new UsageError("cannot replace container without --name being set", { exitCode: 125 });
  try {
    await calls.removeContainer(engine, name, { force: true, volumes: false });
  } catch (error) {
    if (!(error instanceof BunkerError) || error.code !== "not-found") throw error;
  }
}
