// Talking to a container's keeper: one connection, requests answered in order, events in between. Decides nothing about containers.

import { BunkerError } from "../errors.ts";
import {
  closeFd,
  connectControl,
  failureToError,
  type Received,
  receiveMessage,
  receiveMessageSync,
  sendMessage,
  spawnKeeper,
} from "../native/index.ts";

/** The protocol of crates/keeper; a keeper refuses a larger one by name. */
export const PROTOCOL_VERSION = 1;

export type KeeperEvent =
  | { kind: "exited"; code: number; signal: number | null }
  | { kind: "detached" }
  /** The reader of our own standard output has gone. */
  | { kind: "outputClosed" };

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
  reply(): void {
    for (;;) {
      const received = receiveMessageSync(this.#fd);
      if (received === null) throw gone();
      if (this.#isReply(received)) return;
    }
  }

  request(operation: string, fields: object = {}, fds: number[] = []): void {
    this.send(operation, fields, fds);
    this.reply();
  }

  /** The next event; replies that come meanwhile (to resizes and signals) are dropped. `null`: the keeper is gone. */
  async event(): Promise<KeeperEvent | null> {
    for (;;) {
      const queued = this.#events.shift();
      if (queued !== undefined) return queued;
      const received = await receiveMessage(this.#fd, "block");
      if (received === null) return null;
      const event = parseEvent(received.message);
      if (event !== null) return event;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.#fd);
  }

  #isReply({ message }: Received): boolean {
    const event = parseEvent(message);
    if (event !== null) {
      this.#events.push(event);
      return false;
    }
    if (message["ok"] === true) return true;
    throw failureToError(message["failure"]);
  }
}

function parseEvent(message: Record<string, unknown>): KeeperEvent | null {
  const { event, code, signal } = message;
  if (event === "detached" || event === "outputClosed") return { kind: event };
  if (event !== "exited") return null;
  return { kind: "exited", code: Number(code), signal: typeof signal === "number" ? signal : null };
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
