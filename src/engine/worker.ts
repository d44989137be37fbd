// Worker jobs: what needs the user's id range or must not be trusted with anything else. One process per job, locked in by itself.

import { planUserNamespace } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { closeFd, failureToError, receiveMessage, sendMessage, spawnWorker } from "../native/index.ts";
import { PROTOCOL_VERSION } from "./channel.ts";
import type { Trash } from "../store/index.ts";
import type { Engine } from "./engine.ts";

export type Job = { op: "unpack" | "link" | "fix" | "remove" | "measure" } & Record<string, unknown>;

/** A job under way. */
export interface RunningJob {
  /** The job's result. @throws BunkerError the worker's failure */
  result: Promise<Record<string, unknown>>;
  /** Lets the worker stop; `result` then fails. */
  cancel(): void;
}

/** Starts a job; the descriptors stay the caller's own. */
export function startJob(engine: Engine, job: Job, fds: number[] = []): RunningJob {
  const channel = hire(engine, job, fds);
  let open = true;
  const close = (): void => {
    if (open) closeFd(channel);
    open = false;
  };
  const result = receiveMessage(channel).then((received) => {
    if (received === null) throw new BunkerError("cancelled", `the worker ended without an answer (${job.op})`);
    if (received.message["ok"] === true) return received.message["result"] as Record<string, unknown>;
    throw failureToError(received.message["failure"]);
  });
  return { result: result.finally(close), cancel: close };
}

/** Empties the trash of what was moved into it, after the command has answered: nobody waits for it. */
export function emptyTrash(engine: Engine, trash: Trash): void {
  const doomed = trash.handOver();
  if (doomed === null) return;
  const { names, share } = doomed;
  try {
    if (names.length === 0) return;
    const job = { op: "remove" as const, directory: engine.store.layout.trash(), names };
    closeFd(hire(engine, job, [share]));
  } catch (error) {
    // What lies in the trash hurts nobody; the next command tries again.
    if (!(error instanceof BunkerError)) throw error;
  } finally {
    closeFd(share);
  }
}

function hire(engine: Engine, job: Job, fds: number[]): number {
  const channel = spawnWorker();
  const context = {
    version: PROTOCOL_VERSION,
    userNamespace: planUserNamespace(engine.host()),
    userRuntimeDir: engine.store.layout.userRuntimeDir,
  };
  sendMessage(channel, { ...context, ...job }, fds);
  return channel;
}
