// `--cidfile`: the container's id in a file, for scripts. Made before the container, so that two commands cannot share one.

import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { attempt } from "./file.ts";

export class CidFile {
  readonly #path: string;
  #fd: number | null;

  /** @throws BunkerError usage in docker's words when the file is there */
  constructor(path: string) {
    this.#path = path;
    this.#fd = attempt("open", path, () => open(path));
  }

  /** The id and nothing else, as docker writes it. */
  write(id: string): void {
    const fd = this.#fd;
    if (fd === null) return;
    this.#fd = null;
    attempt("write", this.#path, () => writeSync(fd, id));
    closeSync(fd);
  }

  /** No container came of it. One that came and could not be started keeps its file, as docker's. */
  discard(): void {
    if (this.#fd === null) return;
    closeSync(this.#fd);
    this.#fd = null;
    try {
      unlinkSync(this.#path);
    } catch {
      // Somebody else removed it: that is what was wanted.
    }
  }
}

/** An empty path is none. */
export function openCidFile(path: string | null): CidFile | null {
  return path === null || path === "" ? null : new CidFile(path);
}

function open(path: string): number {
  try {
    return openSync(path, "wx", 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new BunkerError(
      "conflict",
      `container ID file found, make sure the other container isn't running or delete ${path}`,
    );
  }
}
