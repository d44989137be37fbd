// Talking to the static helper that makes a bundle's sandbox: one step, one answer. It goes when we go.

import { BunkerError } from "../errors.ts";
import { closeFd, failureToError, receiveMessage, sendMessage, spawnBundler } from "../native/index.ts";
import { PROTOCOL_VERSION } from "./channel.ts";

/** Descriptors 0 to 2 are the container's as they are ours. */
const STREAMS = [0, 1, 2];
export class BundleHelper {
  readonly #channel: number;
  #isOpen = true;

  constructor() {
    this.#channel = spawnBundler();
  }

  /** `kept`: what more the container's process gets, under the same numbers. */
  async order(request: object, kept: readonly number[] = []): Promise<Record<string, unknown>> {
    sendMessage(this.#channel, { version: PROTOCOL_VERSION, ...request }, [...STREAMS, ...kept]);
    return this.#answer();
  }

  /** Lets it take its next step. */
  async step(): Promise<Record<string, unknown>> {
    sendMessage(this.#channel, { go: true });
    return this.#answer();
  }

  async #answer(): Promise<Record<string, unknown>> {
    const received = await receiveMessage(this.#channel, "block");
    if (received === null)
      throw new BunkerError("system", "the helper that makes the container ended without an answer");
    if (received.message["ok"] !== true) throw failureToError(received.message["failure"]);
    return received.message;
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeFd(this.#channel);
    this.#isOpen = false;
  }
}

/** The descriptors after the streams. */
export function keptFds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => STREAMS.length + index);
}
