// What nothing needs any more, and what the dead left: loose ends (see the schema), staging directories, downloads nobody went
// on with. Rows go first, files are renamed into the trash after them.

import { readdirSync, rmSync, statSync } from "node:fs";
import { acquireLock, closeFd, shareLock } from "../native/index.ts";
import type { Records } from "./database.ts";
import type { Layout } from "./layout.ts";
import type { Trash } from "./trash.ts";

/** Which rows own a path. Container and volume directories have names that are never used again. */
const OWNERS = {
  blobs: "SELECT 1 FROM blobs WHERE 'blobs/' || replace(digest, ':', '/') = ?",
  layers: "SELECT 1 FROM layers WHERE 'layers/' || map || '/' || name = ?",
  containers: "SELECT 1 FROM containers WHERE 'containers/' || id = ?",
  volumes: "SELECT 1 FROM volumes WHERE 'volumes/' || name = ?",
} as const;

type Kind = keyof typeof OWNERS;

export class Garbage {
  readonly #records: Records;
  readonly #layout: Layout;

  constructor(records: Records, layout: Layout) {
    this.#records = records;
    this.#layout = layout;
  }

  /** To be held while images change, from the first look at what is there to the last row: nothing is removed meanwhile. */
  shareImages(): number {
    return shareLock(this.#layout.imagesLock());
  }

  /** Notes what is about to be made, before it is: the commit that owns it takes the note away. */
  announce(paths: readonly string[]): void {
    if (paths.length > 0) this.#records.write(() => noteLooseEnds(this.#records, paths));
  }

  /** Removes what no row owns. Blobs and layers have to wait while somebody changes images: then that one comes by here. */
  tieLooseEnds(trash: Trash): void {
    const paths = this.#looseEnds();
    if (paths.length === 0) return;
    const lock = paths.some(isOfImages) ? acquireLock(this.#layout.imagesLock()) : null;
    try {
      const removable = lock === null ? paths.filter((path) => !isOfImages(path)) : paths;
      // Asked again under the lock: what was made meanwhile has an owner now.
      for (const path of removable) if (!this.#isOwned(path)) this.#discard(path, trash);
      this.#records.write(
        () => {
          for (const path of removable) this.#records.run("DELETE FROM loose_ends WHERE path = ?", path);
        },
        { durable: false, frees: true },
      );
    } finally {
      if (lock !== null) closeFd(lock);
    }
  }

  #looseEnds(): string[] {
    return this.#records.all("SELECT path FROM loose_ends").map((row) => String(row["path"]));
  }

  #isOwned(path: string): boolean {
    return this.#records.first(OWNERS[kindOf(path)], path) !== null;
  }

  #discard(path: string, trash: Trash): void {
    const place = `${this.#layout.dataHome}/${path}`;
    if (kindOf(path) === "blobs") rmSync(place, { force: true });
    else trash.add(place);
  }

  /** Staging directories whose owner is dead. */
  sweepStaging(trash: Trash): void {
    const operations = new Set(list(`${this.#layout.dataHome}/staging`).map((name) => name.replace(/\.lock$/, "")));
    for (const operation of operations) {
      const directory = this.#layout.staging(operation);
      const lock = acquireLock(`${directory}.lock`);
      if (lock === null) continue;
      trash.add(directory);
      rmSync(`${directory}.lock`, { force: true });
      closeFd(lock);
    }
  }

  /** Downloads that nobody went on with for a while. */
  sweepPartial(olderThan: Date): void {
    for (const name of list(`${this.#layout.dataHome}/partial`)) {
      const path = `${this.#layout.dataHome}/partial/${name}`;
      const modified = statSync(path, { throwIfNoEntry: false })?.mtime;
      if (modified !== undefined && modified < olderThan) rmSync(path, { force: true });
    }
  }
}

/** Within a transaction. */
export function noteLooseEnds(records: Records, paths: readonly string[]): void {
  for (const path of paths) records.run("INSERT OR IGNORE INTO loose_ends (path) VALUES (?)", path);
}

function kindOf(path: string): Kind {
  return path.slice(0, path.indexOf("/")) as Kind;
}

function isOfImages(path: string): boolean {
  return kindOf(path) === "blobs" || kindOf(path) === "layers";
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
