// Talking to a container's keeper: one connection, requests answered in order, events in between. Decides nothing about containers.

import { readdirSync } from "node:fs";
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
  #unanswered = 0;
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Sends a request without waiting for the answer. @throws BunkerError not-running when the keeper is gone */
  send(operation: string, fields: object = {}, fds: number[] = []): void {
    this.#unanswered++;
    try {
      sendMessage(this.#fd, { op: operation, version: PROTOCOL_VERSION, ...fields }, fds);
    } catch (error) {
      throw error instanceof BunkerError && error.code === "not-running" ? gone() : error;
    }
  }

  /** Blocks until everything sent is answered. @throws BunkerError the first failure, or not-running when the keeper is gone */
  settle(): void {
    while (this.#unanswered > 0) {
      const received = receiveMessageSync(this.#fd);
      if (received === null) throw gone();
      this.#take(received);
    }
  }

  request(operation: string, fields: object = {}, fds: number[] = []): void {
    this.send(operation, fields, fds);
    this.settle();
  }

  /** The next event. Meanwhile a resize or signal may be refused: that is no matter. `null`: the keeper is gone. */
  async event(): Promise<KeeperEvent | null> {
    for (;;) {
      const queued = this.#events.shift();
      if (queued !== undefined) return queued;
      const received = await receiveMessage(this.#fd, "block");
      if (received === null) return null;
      const event = parseEvent(received.message);
      if (event !== null) return event;
      this.#unanswered--;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take({ message }: Received): void {
    const event = parseEvent(message);
    if (event !== null) {
      this.#events.push(event);
      return;
    }
    this.#unanswered--;
    if (message["ok"] !== true) throw failureToError(message["failure"]);
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

/** A few are looked at: those that live in the user's namespace are nearly always keepers of this very build. */
const MAX_PEERS = 3;

/** A new keeper, which waits for its container. */
export function startKeeper(userRuntimeDir: string): KeeperChannel {
  return new KeeperChannel(spawnKeeper(findPeers(`${userRuntimeDir}/u`)));
}

/** The register of crates/runtime/src/userns.rs: one file for each process, whose name begins with its number. */
function findPeers(register: string): number[] {
  try {
    return readdirSync(register)
      .slice(0, MAX_PEERS)
      .map((name) => Number.parseInt(name, 10));
  } catch {
    return [];
  }
}

/** The control socket of a living keeper, or `null`. */
export function connectKeeper(runtimeDir: string): KeeperChannel | null {
  const fd = connectControl(runtimeDir);
  return fd === null ? null : new KeeperChannel(fd);
}
