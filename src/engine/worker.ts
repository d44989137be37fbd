// Worker jobs: what needs the user's id range or must not be trusted with anything else. One process per job, locked in by itself.

import { planUserNamespace } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { closeFd, failureToError, receiveMessage, sendMessage, spawnWorker } from "../native/index.ts";
import { PROTOCOL_VERSION } from "./channel.ts";
import type { Trash } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import type { LayerClass } from "./spec.ts";

export type Job = {
  op:
    | "unpack"
    | "link"
    | "fix"
    | "remove"
    | "measure"
    | "flatten"
    | "changes"
    | "tryOverlay"
    | "copyOut"
    | "copyIn"
    | "copyWithin";
} & Record<string, unknown>;

/** A job under way. */
export interface RunningJob {
  /** The job's result. @throws BunkerError the worker's failure */
  result: Promise<Record<string, unknown>>;
  /** Lets the worker stop; `result` then fails. */
  cancel(): void;
}

/** Starts a job; the descriptors stay the caller's own. */
export function startJob(engine: Engine, job: Job, fds: number[] = []): RunningJob {
  const dialogue = new Dialogue(engine, job, fds);
  return { result: dialogue.answer().finally(() => dialogue.close()), cancel: () => dialogue.close() };
}

/** A worker that answers more than once, and waits to be told how to go on. */
export class Dialogue {
  readonly #job: Job;
  readonly #channel: number;
  #open = true;

  constructor(engine: Engine, job: Job, fds: number[]) {
    this.#job = job;
    this.#channel = hire(engine, job, fds);
  }

  /** @throws BunkerError the worker's failure */
  async answer(): Promise<Record<string, unknown>> {
    const received = await receiveMessage(this.#channel);
    if (received === null) {
      throw this.#open ? lost(this.#job) : new BunkerError("cancelled", `the worker was stopped (${this.#job.op})`);
    }
    if (received.message["ok"] === true) return received.message["result"] as Record<string, unknown>;
    throw failureToError(received.message["failure"]);
  }

  /** One that has ended already says why in its next answer. */
  order(message: object): void {
    try {
      sendMessage(this.#channel, message);
    } catch (error) {
      if (!(error instanceof BunkerError) || error.code !== "not-running") throw error;
    }
  }

  /** Lets the worker stop, if it has not yet. */
  close(): void {
    if (this.#open) closeFd(this.#channel);
    this.#open = false;
  }
}

function lost({ op }: Job): BunkerError {
  return new BunkerError("system", `the worker process ended without an answer (${op})`, {
    hint: "Something killed it, for want of memory perhaps: the kernel's log says more. Try again.",
  });
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

/** `within`: the worker is to live with these ids; `beside`: to know them, and to stay in U. */
function hire(
  engine: Engine,
  { within, beside, ...job }: Job & { within?: LayerClass; beside?: LayerClass },
  fds: number[],
): number {
  const channel = spawnWorker();
  const own = (within ?? beside)?.userns;
  const context = {
    version: PROTOCOL_VERSION,
    userNamespace: planUserNamespace(engine.host(), own),
    userRuntimeDir: engine.store.layout.userRuntimeDir,
    mapped: within?.userns !== undefined,
  };
  sendMessage(channel, { ...context, ...job }, fds);
  return channel;
}
