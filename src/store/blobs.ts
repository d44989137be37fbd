// Blobs: content kept byte for byte under its digest. Written aside, renamed into place; the row that makes one known follows later.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { computeDigest, type Digest } from "../image/index.ts";
import type { Layout } from "./layout.ts";

const PRIVATE = 0o700;

export class Blobs {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Whether a blob of this size is there. A wrong size is as good as none: a power cut left it. */
  has(digest: Digest, size: number): boolean {
    return statSync(this.#layout.blob(digest), { throwIfNoEntry: false })?.size === size;
  }

  /** A small blob, checked against its name. @throws BunkerError store */
  read(digest: Digest): Uint8Array {
    const path = this.#layout.blob(digest);
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(path);
    } catch (cause) {
      throw new BunkerError("store", `blob "${digest}" is missing from the store`, {
        hint: "Pull the image again.",
        cause,
      });
    }
    if (computeDigest(bytes) === digest) return bytes;
    throw new BunkerError("store", `blob "${digest}" is damaged`, { hint: "Pull the image again." });
  }

  /** Keeps bytes whose digest was checked by the caller. Not synced: a pull syncs once for all of its files. */
  write(digest: Digest, bytes: Uint8Array): void {
    this.#ensureDirectory();
    mkdirSync(`${this.#layout.dataHome}/partial`, { recursive: true, mode: PRIVATE });
    const aside = `${this.#layout.partial(digest)}.${process.pid}`;
    try {
      writeFileSync(aside, bytes, { mode: 0o600 });
      renameSync(aside, this.#layout.blob(digest));
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    }
  }

  /** Takes a finished download over. */
  adopt(digest: Digest, file: string): void {
    this.#ensureDirectory();
    renameSync(file, this.#layout.blob(digest));
  }

  #ensureDirectory(): void {
    mkdirSync(`${this.#layout.dataHome}/blobs/sha256`, { recursive: true, mode: PRIVATE });
  }
}
