// Talking to a container's keeper: one connection, requests answered in order, events in between.
// Starts keepers and adopts orphans; decides nothing about containers.

import { BunkerError } from "../errors.ts";
import {
  closeFd,
  connectControl,
  failureToError,
  receiveMessage,
  receiveMessageSync,
  sendMessage,
  spawnKeeper,
} from "../native/index.ts";

/** The protocol of crates/keeper; a keeper refuses a larger one by name. */
const PROTOCOL_VERSION = 1;

export type KeeperEvent = { kind: "exited"; code: number; signal: number | null } | { kind: "detached" };

interface Reply {
  message: Record<string, unknown>;
  fds: number[];
}

/** One connection to a keeper. Not shared: whoever opened it closes it. */
export class KeeperChannel {
  readonly #fd: number;
  readonly #events: KeeperEvent[] = [];
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Sends a request without waiting; its reply is the next one `reply` returns. */
  send(operation: string, fields: object = {}, fds: number[] = []): void {
    sendMessage(this.#fd, { op: operation, version: PROTOCOL_VERSION, ...fields }, fds);
  }

  /** Blocks for the next reply. @throws BunkerError the keeper's failure, or not-running when it is gone */
  reply(): Reply {
    for (;;) {
      const received = receiveMessageSync(this.#fd);
      if (received === null) throw gone();
      const reply = this.#take(received);
      if (reply !== null) return reply;
    }
  }

  request(operation: string, fields: object = {}, fds: number[] = []): Reply {
    this.send(operation, fields, fds);
    return this.reply();
  }

  /** The next event; replies that come meanwhile (to resizes and signals) are dropped. `null`: the keeper is gone. */
  async event(): Promise<KeeperEvent | null> {
    for (;;) {
      const queued = this.#events.shift();
      if (queued !== undefined) return queued;
      const received = await receiveMessage(this.#fd);
      if (received === null) return null;
      if (isEvent(received.message)) this.#queue(received.message);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.#fd);
  }

  #take(received: Reply): Reply | null {
    const { message } = received;
    if (isEvent(message)) {
      this.#queue(message);
      return null;
    }
    if (message["ok"] === true) return received;
    throw failureToError(message["failure"]);
  }

  #queue(message: Record<string, unknown>): void {
    if (message["event"] === "detached") this.#events.push({ kind: "detached" });
    if (message["event"] === "exited") {
      const signal = message["signal"];
      this.#events.push({
        kind: "exited",
        code: Number(message["code"]),
        signal: typeof signal === "number" ? signal : null,
      });
    }
  }
}

function isEvent(message: Record<string, unknown>): boolean {
  return typeof message["event"] === "string";
}

function gone(): BunkerError {
  return new BunkerError("not-running", "the container's keeper ended before it answered", {
    hint: "Run the command again: the next one finds out what happened.",
  });
}

/** A new keeper for a container. `lock` is handed over: this process no longer holds it afterwards. */
export function startKeeper(lock: number): KeeperChannel {
  try {
    const { channel } = spawnKeeper({ mode: "container", passFds: [lock] });
    return new KeeperChannel(channel);
  } finally {
    closeFd(lock);
  }
}

/** The control socket of a living keeper, or `null`. */
export function connectKeeper(runtimeDir: string): KeeperChannel | null {
  const fd = connectControl(runtimeDir);
  return fd === null ? null : new KeeperChannel(fd);
}

/** Runs one worker job and returns its result. @throws BunkerError the worker's failure */
export async function runWorker(job: { op: string } & Record<string, unknown>, fds: number[] = []): Promise<unknown> {
  const { channel } = spawnKeeper({ mode: "worker", passFds: [] });
  try {
    sendMessage(channel, { version: PROTOCOL_VERSION, ...job }, fds);
    const received = await receiveMessage(channel);
    if (received === null) throw new BunkerError("system", `the worker ended without an answer (${job.op})`);
    if (received.message["ok"] === true) return received.message["result"] ?? received.message;
    throw failureToError(received.message["failure"]);
  } finally {
    closeFd(channel);
  }
}

/** Starts a worker job that nobody waits for (emptying the trash). */
export function startWorker(job: { op: string } & Record<string, unknown>): void {
  const { channel } = spawnKeeper({ mode: "worker", passFds: [] });
  sendMessage(channel, { version: PROTOCOL_VERSION, ...job });
  closeFd(channel);
}
