// What nothing needs any more: blobs and layers without a row that leads to them, and what the dead left in staging, partial
// and trash. Rows go first, then files, by rename to the trash; a worker empties the trash. Pulls put files and rows in place
// within one transaction (images.ts), so whoever holds the write lock and sees a file without a row sees a crash's remains.

import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { acquireLock, closeFd } from "../native/index.ts";
import type { Digest } from "../image/index.ts";
import type { Records } from "./database.ts";
import type { Layout, LayerMap } from "./layout.ts";

const MAPS: readonly LayerMap[] = ["user", "single"];
const LOCK = ".lock";
/** What nobody went on with for a week will not be gone on with. */
const PARTIAL_LIFE_MS = 7 * 24 * 60 * 60 * 1000;

/** Something on disk without a row. */
interface Orphan {
  path: string;
  /** In the trash. */
  name: string;
}

export class Garbage {
  readonly #records: Records;
  readonly #layout: Layout;

  constructor(records: Records, layout: Layout) {
    this.#records = records;
    this.#layout = layout;
  }

  /** Drops blobs and layers that no image needs; their files are then for `sweep`. @returns digests and layer names that are gone */
  collect(): { blobs: Digest[]; layers: string[] } {
    return this.#records.write(() => {
      const blobs = this.#records.all(
        "SELECT digest FROM blobs WHERE NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest)",
      );
      const layers = this.#records.all(
        `SELECT map, name FROM layers WHERE NOT EXISTS
           (SELECT 1 FROM image_layers WHERE image_layers.map = layers.map AND image_layers.layer = layers.name)`,
      );
      for (const { digest } of blobs) this.#records.run("DELETE FROM blobs WHERE digest = ?", digest as string);
      for (const { map, name } of layers) {
        this.#records.run("DELETE FROM layers WHERE map = ? AND name = ?", map as string, name as string);
      }
      return {
        blobs: blobs.map((row) => String(row["digest"]) as Digest),
        layers: layers.map((row) => String(row["name"])),
      };
    });
  }

  /** Moves what nothing leads to to the trash: files without rows, and what the dead left behind. */
  sweep(): void {
    this.#sweepStaging();
    this.#sweepPartial();
    this.#sweepOrphans();
  }

  /** Moves a tree into the trash. @returns its name there, or `null` if it was not there */
  toTrash(path: string, name: string): string | null {
    try {
      renameSync(path, `${this.#layout.trash()}/${name}`);
      return name;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return null;
      // Something of that name lies there already: an earlier life of the same layer.
      if (code === "ENOTEMPTY" || code === "EEXIST") return this.toTrash(path, `${name}.${process.pid}`);
      throw error;
    }
  }

  /** What lies in the trash. */
  trash(): string[] {
    return list(this.#layout.trash());
  }

  /** Staging directories whose owner is dead. */
  #sweepStaging(): void {
    for (const operation of list(`${this.#layout.dataHome}/staging`)) {
      const directory = this.#layout.staging(operation);
      this.#ifFree(`${directory}${LOCK}`, () => this.toTrash(directory, `staging-${operation}`));
    }
  }

  /** Downloads that nobody went on with for long, and locks that the dead held. */
  #sweepPartial(): void {
    const folder = `${this.#layout.dataHome}/partial`;
    for (const name of list(folder)) {
      const path = `${folder}/${name}`;
      this.#ifFree(`${path}${LOCK}`, () => {
        const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
        if (modified < Date.now() - PARTIAL_LIFE_MS) rmSync(path, { force: true });
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

  /** Looked for before the lock is taken: mostly there are none. */
  #sweepOrphans(): void {
    if (this.#orphans().length === 0) return;
    this.#records.write(() => {
      for (const { path, name } of this.#orphans()) this.toTrash(path, name);
    }, false);
  }

  #orphans(): Orphan[] {
    const { dataHome } = this.#layout;
    const blobs = new Set(this.#records.all("SELECT digest FROM blobs").map((row) => String(row["digest"])));
    const layers = new Set(this.#records.all("SELECT map, name FROM layers").map(({ map, name }) => `${map}/${name}`));
    const folder = `${dataHome}/blobs/sha256`;
    const files = list(folder).filter((hex) => !blobs.has(`sha256:${hex}`));
    const trees = MAPS.flatMap((map) => list(this.#layout.layers(map)).map((name) => ({ map, name })));
    return [
      ...files.map((hex) => ({ path: `${folder}/${hex}`, name: `blob-${hex}` })),
      ...trees
        .filter(({ map, name }) => !layers.has(`${map}/${name}`))
        .map(({ map, name }) => ({ path: this.#layout.layer(map, name), name: `layer-${map}-${name}` })),
    ];
  }
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
