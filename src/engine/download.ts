// One blob on its way into the store: a growing file in `partial/` that a worker reads while it grows. One download of a blob is
// shared by all processes that want it: who has its lock downloads, the others wait and look again. The lock is held while bytes
// come and no longer: who holds it waits for nobody, so that two images with common layers never wait for each other.

import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import type { Descriptor, Digest } from "../image/index.ts";
import { addToCounter, closeFd, makeCounter } from "../native/index.ts";
import type { BlobSink, RegistryClient } from "../registry/index.ts";
import type { Layout, Store } from "../store/index.ts";
import { HeldLock } from "./held-lock.ts";

const PRIVATE = 0o700;

/** Where blobs come from. */
export type BlobSource = Pick<RegistryClient, "downloadBlob">;

export interface DownloadProgress {
  /** Bytes so far. */
  onBytes: (current: number) => void;
  /** Something went wrong that may pass. */
  onRetry: (reason: string) => void;
}

/** A blob whose bytes are here or coming. */
export class Download {
  readonly #path: string;
  readonly #lock: HeldLock;
  readonly #file: number;
  readonly #inode: number;
  readonly #descriptor: Descriptor;
  /** Tells the worker how many bytes there are. */
  readonly counter: number = makeCounter();
  /** Of the file. */
  #size: number;
  /** How far the download has come: behind the file's end when the server began anew. */
  #position: number;
  #open = true;

  private constructor(path: string, lock: HeldLock, descriptor: Descriptor) {
    this.#path = path;
    this.#lock = lock;
    this.#descriptor = descriptor;
    this.#file = openSync(path, "a+", 0o600);
    // Of what we opened, not of what has the name: another process may take a finished file over at any time.
    const { size, ino: inode } = fstatSync(this.#file);
    this.#size = size;
    this.#inode = inode;
    // Longer than it can be: nothing of it can be trusted.
    if (this.#size > descriptor.size) {
      ftruncateSync(this.#file);
      this.#size = 0;
    }
    this.#position = this.#size;
    if (this.#size > 0) addToCounter(this.counter, this.#size);
  }

  /** Takes the blob's lock, waiting for another process that downloads it. */
  static async begin(layout: Layout, descriptor: Descriptor, signal: AbortSignal): Promise<Download> {
    mkdirSync(`${layout.dataHome}/partial`, { recursive: true, mode: PRIVATE });
    const path = layout.partial(descriptor.digest);
    const lock = await HeldLock.take(`${path}.lock`, signal);
    try {
      return new Download(path, lock, descriptor);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get digest(): Digest {
    return this.#descriptor.digest;
  }

  /** For the worker: the file as it grows. */
  get fd(): number {
    return this.#file;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** Fetches what is missing, and then lets others have the lock. */
  async complete(source: BlobSource, progress: DownloadProgress, signal: AbortSignal): Promise<void> {
    try {
      progress.onBytes(this.#size);
      if (this.#size === this.#descriptor.size) return;
      await source.downloadBlob(this.#descriptor, this.#sink(progress), signal);
    } finally {
      this.#lock.release();
    }
  }

  #sink(progress: DownloadProgress): BlobSink {
    return {
      size: () => this.#position,
      append: (chunk) => {
        this.#append(chunk);
        progress.onBytes(this.#size);
      },
      // The worker has read what is there: those bytes stay, and the new stream's are taken from where they end. Should they
      // differ, the digest of the whole will say so.
      restart: () => {
        this.#position = 0;
      },
      retrying: (error) => progress.onRetry(error.message),
    };
  }

  #append(chunk: Uint8Array): void {
    const fresh = chunk.subarray(Math.min(this.#size - this.#position, chunk.byteLength));
    for (let done = 0; done < fresh.byteLength;) done += writeSync(this.#file, fresh, done);
    this.#position += chunk.byteLength;
    this.#size += fresh.byteLength;
    if (fresh.byteLength > 0) addToCounter(this.counter, fresh.byteLength);
  }

  /** Makes the finished file the store's, unless another process was quicker. Nobody else may be settling. */
  settle(blobs: Store["blobs"]): void {
    const { digest, size } = this.#descriptor;
    if (this.#hasName() && !blobs.has(digest, size)) blobs.adopt(digest, this.#path);
    else this.discard();
  }

  /** The bytes are wrong, or not needed: they must not be resumed. */
  discard(): void {
    if (this.#hasName()) rmSync(this.#path, { force: true });
  }

  /** Whether the name still leads to our file: another process may have taken it over, and a third have begun a new one. */
  #hasName(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** Closes what is open; an image may have more layers than a process may have files. */
  release(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#file);
    closeFd(this.counter);
    this.#lock.release();
  }
}
