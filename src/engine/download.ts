// One blob on its way into the store: a growing file in `partial/` that a worker reads while it grows. One download of a blob is
// shared by all processes that want it: who has its lock downloads, the others wait and look again.

import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import type { Descriptor, Digest } from "../image/index.ts";
import { acquireLock, addToCounter, closeFd, makeCounter, waitLock } from "../native/index.ts";
import type { BlobSink, RegistryClient } from "../registry/index.ts";
import type { Layout } from "../store/index.ts";

const PRIVATE = 0o700;

/** A blob whose bytes are here or coming. */
export class Download {
  readonly #path: string;
  readonly #lockPath: string;
  readonly #lock: number;
  readonly #file: number;
  readonly #descriptor: Descriptor;
  /** Tells the worker how many bytes there are. */
  readonly counter: number = makeCounter();
  #size: number;
  /** Bytes of a stream that began anew and that we have already. */
  #skip = 0;
  #open = true;

  private constructor(path: string, lock: number, descriptor: Descriptor) {
    this.#path = path;
    this.#lockPath = `${path}.lock`;
    this.#lock = lock;
    this.#descriptor = descriptor;
    this.#size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    // Longer than it can be: nothing of it can be trusted.
    if (this.#size > descriptor.size) {
      rmSync(path, { force: true });
      this.#size = 0;
    }
    this.#file = openSync(path, "a+", 0o600);
    if (this.#size > 0) addToCounter(this.counter, this.#size);
  }

  /** Takes the blob's lock, waiting for another process that downloads it. */
  static async begin(layout: Layout, descriptor: Descriptor): Promise<Download> {
    mkdirSync(`${layout.dataHome}/partial`, { recursive: true, mode: PRIVATE });
    const path = layout.partial(descriptor.digest);
    const lock = acquireLock(`${path}.lock`) ?? (await waitLock(`${path}.lock`));
    return new Download(path, lock, descriptor);
  }

  get digest(): Digest {
    return this.#descriptor.digest;
  }

  /** For the worker: the file as it grows. */
  get fd(): number {
    return this.#file;
  }

  /** Fetches what is missing. */
  async complete(client: RegistryClient, onProgress: (current: number) => void, signal: AbortSignal): Promise<void> {
    onProgress(this.#size);
    if (this.#size === this.#descriptor.size) return;
    await client.downloadBlob(this.#descriptor, this.#sink(onProgress), signal);
  }

  #sink(onProgress: (current: number) => void): BlobSink {
    return {
      size: () => this.#size,
      append: (chunk) => {
        this.#append(chunk);
        onProgress(this.#size);
      },
      // The worker has read what is there: those bytes stay, and the new stream's are taken from where they end. Should they
      // differ, the digest of the whole will say so.
      restart: () => {
        this.#skip = this.#size;
      },
    };
  }

  #append(chunk: Uint8Array): void {
    const skipped = Math.min(this.#skip, chunk.byteLength);
    this.#skip -= skipped;
    const fresh = chunk.subarray(skipped);
    for (let done = 0; done < fresh.byteLength;) done += writeSync(this.#file, fresh, done);
    this.#size += fresh.byteLength;
    if (fresh.byteLength > 0) addToCounter(this.counter, fresh.byteLength);
  }

  /** The finished file, to be renamed into the store. */
  get path(): string {
    return this.#path;
  }

  /** The bytes are wrong: they must not be resumed. */
  discard(): void {
    rmSync(this.#path, { force: true });
  }

  /** Lets others have it. */
  release(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#file);
    closeFd(this.counter);
    try {
      // Removed while it is held: whoever waits for it looks again whether the name still leads to what it locked.
      rmSync(this.#lockPath, { force: true });
    } catch {
      // A file that nobody locks is in nobody's way.
    }
    closeFd(this.#lock);
  }
}
