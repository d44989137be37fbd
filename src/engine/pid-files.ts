// --pidfile and --conmon-pidfile: numbers of a container's processes, written at each start for whoever supervises them.

import { renameSync, writeFileSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { readKeeperState } from "./view.ts";

/** Before the process runs: it may have ended right after. @throws BunkerError system */
export function writePidFiles(engine: Engine, { id, config }: ContainerRecord): void {
  const state = readKeeperState(engine.store.layout.runtime(id));
  if (state === null) throw new BunkerError("system", "writing the container's PID: its keeper did not tell it");
  const { pidFile, keeperPidFile } = config.request;
  if (pidFile !== undefined) write(pidFile, state.pid);
  if (keeperPidFile !== undefined) write(keeperPidFile, state.keeperPid);
}

/** A reader finds a whole number, the old one or the new one. */
function write(path: string, pid: number): void {
  try {
    const aside = `${path}.${process.pid}.new`;
    writeFileSync(aside, String(pid), { flag: "wx", mode: 0o644 });
    renameSync(aside, path);
  } catch (cause) {
    throw new BunkerError("usage", `writing the PID to "${path}": ${(cause as Error).message}`, { cause });
  }
}
