// What nothing needs any more, and what the dead left. Rows go first, with a note of their files (a loose end), and the files are
// renamed into the trash after them. Pulls put files and rows in place within one transaction (images.ts), so whoever holds the
// write lock and sees a file without a row sees a crash's remains.

import { readdirSync, rmSync, statSync } from "node:fs";
import { acquireLock, closeFd } from "../native/index.ts";
import type { Records } from "./database.ts";
import type { Layout, LayerMap } from "./layout.ts";
import type { Trash } from "./trash.ts";

/** Which rows own a path. */
const OWNERS = {
  blobs: "SELECT 1 FROM blobs WHERE 'blobs/' || replace(digest, ':', '/') = ?",
  layers: "SELECT 1 FROM layers WHERE 'layers/' || map || '/' || name = ?",
  containers: "SELECT 1 FROM containers WHERE 'containers/' || id = ?",
  volumes: "SELECT 1 FROM volumes WHERE 'volumes/' || name = ?",
} as const;

const LOCK = ".lock";
/** What nobody went on with for a week will not be gone on with. */
const PARTIAL_LIFE_MS = 7 * 24 * 60 * 60 * 1000;
/** Nothing is lost with it: what a power cut takes back is done again. */
const QUICK = { durable: false, frees: true } as const;

export class Garbage {
  readonly #records: Records;
  readonly #layout: Layout;

  constructor(records: Records, layout: Layout) {
    this.#records = records;
    this.#layout = layout;
  }

  /** Moves what was noted to the trash, unless a row owns it again. */
  tieLooseEnds(trash: Trash): void {
    if (this.#looseEnds().length === 0) return;
    this.#records.write(() => {
      for (const path of this.#looseEnds()) {
        if (!this.#isOwned(path)) trash.add(`${this.#layout.dataHome}/${path}`);
        this.#records.run("DELETE FROM loose_ends WHERE path = ?", path);
      }
    }, QUICK);
  }

  #looseEnds(): string[] {
    return this.#records.all("SELECT path FROM loose_ends").map((row) => String(row["path"]));
  }

  #isOwned(path: string): boolean {
    const kind = path.slice(0, path.indexOf("/")) as keyof typeof OWNERS;
    return this.#records.first(OWNERS[kind], path) !== null;
  }

  /** Moves staging directories whose owner is dead to the trash. @returns whether there were any */
  sweepStaging(trash: Trash): boolean {
    let found = false;
    for (const operation of list(`${this.#layout.dataHome}/staging`)) {
      const directory = this.#layout.staging(operation);
      this.#ifFree(`${directory}${LOCK}`, () => {
        trash.add(directory);
        found = true;
      });
    }
    return found;
  }

  /** Moves blobs and layers without a row to the trash: somebody died, or failed, while putting them in place. */
  sweepOrphans(trash: Trash): void {
    // Looked for before the lock is taken: mostly there are none.
    if (this.orphans().length === 0) return;
    this.#records.write(() => {
      for (const path of this.orphans()) trash.add(path);
    }, QUICK);
  }

  /** Paths of blobs and layers that no row owns. */
  orphans(): string[] {
    const blobs = new Set(this.#records.all("SELECT digest FROM blobs").map((row) => String(row["digest"])));
    const layers = new Set(this.#records.all("SELECT map, name FROM layers").map(({ map, name }) => `${map}/${name}`));
    const folder = `${this.#layout.dataHome}/blobs/sha256`;
    const files = list(folder).filter((hex) => !blobs.has(`sha256:${hex}`));
    const trees = this.#maps().flatMap((map) => list(this.#layout.layers(map)).map((name) => ({ map, name })));
    return [
      ...files.map((hex) => `${folder}/${hex}`),
      ...trees
        .filter(({ map, name }) => !layers.has(`${map}/${name}`))
        .map(({ map, name }) => this.#layout.layer(map, name)),
    ];
  }

  /** Classes of id mapping for which something was unpacked once. */
  #maps(): LayerMap[] {
    return list(`${this.#layout.dataHome}/layers`) as LayerMap[];
  }

  /** Removes downloads that nobody went on with for long, and locks that the dead held. */
  sweepPartial({ olderThan } = { olderThan: PARTIAL_LIFE_MS }): void {
    const folder = `${this.#layout.dataHome}/partial`;
    for (const name of list(folder)) {
      const path = `${folder}/${name}`;
      this.#ifFree(`${path}${LOCK}`, () => {
        const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
        if (modified < Date.now() - olderThan) rmSync(path, { force: true });
      });
    }
  }

  /** Acts under a lock that nobody holds, and removes its file. */
  #ifFree(path: string, action: () => void): void {
    const lock = acquireLock(path);
    if (lock === null) return;
    try {
      action();
      rmSync(path, { force: true });
    } finally {
      closeFd(lock);
    }
  }
}

/** Within a transaction: notes what is to be removed, as paths below the data home. */
export function noteLooseEnds(records: Records, paths: readonly string[]): void {
  for (const path of paths) records.run("INSERT OR IGNORE INTO loose_ends (path) VALUES (?)", path);
}

/** Within a transaction: drops blobs and layers that no image needs any more. @returns the layers' names, and the bytes of all */
export function dropUnneeded(records: Records): { layers: string[]; bytes: number } {
  const blobs = records.all(
    `DELETE FROM blobs WHERE NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest)
     RETURNING 'blobs/' || replace(digest, ':', '/') AS path, size`,
  );
  const layers = records.all(
    `DELETE FROM layers WHERE NOT EXISTS
       (SELECT 1 FROM image_layers WHERE image_layers.map = layers.map AND image_layers.layer = layers.name)
     RETURNING 'layers/' || map || '/' || name AS path, name, size`,
  );
  noteLooseEnds(
    records,
    [...blobs, ...layers].map(({ path }) => String(path)),
  );
  const bytes = [...blobs, ...layers].reduce((sum, { size }) => sum + Number(size), 0);
  return { layers: layers.map(({ name }) => String(name)), bytes };
}

/** Names in a directory, those of locks without their ending. */
function list(directory: string): string[] {
  try {
    const names = readdirSync(directory).map((name) => (name.endsWith(LOCK) ? name.slice(0, -LOCK.length) : name));
    return [...new Set(names)];
  } catch {
    return [];
  }
}
