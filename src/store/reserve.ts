// Room on the disk that is given up when it is full, so that looking and deleting always work; taken back afterwards.

import { appendFileSync, statSync, truncateSync } from "node:fs";

/** A shared-memory index, a write-ahead log of a few transactions, a handful of small files. */
const SIZE = 4 * 1024 * 1024;
/** What one call for random bytes gives. Random: a file system that compresses would make nothing of zeros. */
const STEP = 64 * 1024;

export class Reserve {
  readonly #path: string;
  #released = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Gives the room up. @returns whether there was any */
  release(): boolean {
    try {
      if (this.#size() === 0) return false;
      truncateSync(this.#path, 0);
      this.#released = true;
      return true;
    } catch {
      return false;
    }
  }

  /** Takes the room back, as far as there is any. */
  restore(): void {
    if (this.#released) this.take();
  }

  /** Takes the room. */
  take(): void {
    try {
      const step = new Uint8Array(STEP);
      for (let size = this.#size(); size < SIZE; size += STEP) {
        appendFileSync(this.#path, crypto.getRandomValues(step), { mode: 0o600 });
      }
    } catch {
      // Full: some of it is better than nothing.
    }
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
