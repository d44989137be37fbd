// The trash: trees on their way out are renamed into it at once and unlinked by a worker later. Whoever moves something in, or
// empties it, has a share of its lock; what lies there while nobody has one was left by the dead.

import { lstatSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { isLocked, shareLock } from "../native/index.ts";
import type { Layout } from "./layout.ts";

export class Trash {
  readonly #layout: Layout;
  readonly #names: string[] = [];
  #share: number | null = null;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Moves a tree in; one that is not there is fine. */
  add(path: string): void {
    this.#hold();
    const base = this.#layout.relative(path).replaceAll("/", "-");
    // An earlier life of the same thing may lie there already.
    for (let attempt = 0; !this.#tryAdd(path, attempt === 0 ? base : `${base}.${process.pid}-${attempt}`); attempt++);
  }

  /** @returns false if the name is taken */
  #tryAdd(path: string, name: string): boolean {
    try {
      renameSync(path, `${this.#layout.trash()}/${name}`);
      this.#names.push(name);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOTEMPTY" || code === "EEXIST") return false;
      if (code !== "ENOENT") throw error;
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return true;
      mkdirSync(this.#layout.trash(), { recursive: true, mode: 0o700 });
      return false;
    }
  }

  /** Takes over what the dead left, if nobody is at work in the trash. */
  addAbandoned(): void {
    const names = list(this.#layout.trash());
    if (names.length === 0 || isLocked(this.#layout.trashLock())) return;
    this.#hold();
    this.#names.push(...names);
  }

  #hold(): void {
    this.#share ??= shareLock(this.#layout.trashLock());
  }

  /** For the worker that is to empty it: what to remove, and our share, now the caller's. `null`: there is nothing. */
  handOver(): { names: string[]; share: number } | null {
    const share = this.#share;
    if (share === null) return null;
    this.#share = null;
    return { names: this.#names.splice(0), share };
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
