// Blobs: content kept byte for byte under its digest. Made elsewhere and renamed into place, in the transaction that makes them known.

import { readFileSync, renameSync, statSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { computeDigest, type Digest } from "../image/index.ts";
import type { Layout } from "./layout.ts";

export class Blobs {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Whether a blob of this size is there. A wrong size is as good as none: a power cut left it. */
  has(digest: Digest, size: number): boolean {
    return statSync(this.#layout.blob(digest), { throwIfNoEntry: false })?.size === size;
  }

  /** A small blob, if it is there and what its name says. */
  find(digest: Digest): Uint8Array | null {
    try {
      const bytes = readFileSync(this.#layout.blob(digest));
      return computeDigest(bytes) === digest ? bytes : null;
    } catch {
      return null;
    }
  }

  /** As `find`. @throws BunkerError store */
  read(digest: Digest): Uint8Array {
    const bytes = this.find(digest);
    if (bytes !== null) return bytes;
    throw new BunkerError("store", `blob "${digest}" is missing or damaged`, { hint: "Pull the image again." });
  }

  /** Takes a finished file over. One that is gone was taken over by another command. */
  adopt(digest: Digest, file: string): void {
    try {
      renameSync(file, this.#layout.blob(digest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
