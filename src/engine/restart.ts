// docker restart: stop, then start. One that does not run is started.

import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { startContainer } from "./start.ts";
import { stopContainer } from "./stop.ts";
import { viewContainer } from "./view.ts";

/** @throws BunkerError unsupported for one that removes itself when it stops */
export async function restartContainer(
  engine: Engine,
  name: string,
  options: { signal: string | null; timeout: number | null; onWarning: (warning: string) => void },
): Promise<void> {
  const { record, status } = viewContainer(engine, name);
  if (record.config.request.autoRemove && status === "running") {
    throw new BunkerError("conflict", `cannot restart container "${record.name}": it removes itself when it stops`, {
      hint: "Run it again, or without --rm.",
    });
  }
  await stopContainer(engine, record.id, options);
  await startContainer(engine, record.id, null, options.onWarning);
}
