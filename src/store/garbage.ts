// What nothing needs any more: blobs and layers without a row that leads to them, and what the dead left in staging, partial
// and trash. Files go to the trash by rename, rows after them; a worker empties the trash.

import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { acquireLock, closeFd } from "../native/index.ts";
import type { Digest } from "../image/index.ts";
import type { Records } from "./database.ts";
import type { Layout, LayerMap } from "./layout.ts";

export class Garbage {
  readonly #records: Records;
  readonly #layout: Layout;

  constructor(records: Records, layout: Layout) {
    this.#records = records;
    this.#layout = layout;
  }

  /** Drops blobs and layers that no image needs. @returns digests and layer names that are gone */
  collect(): { blobs: Digest[]; layers: string[] } {
    const doomed = this.#records.write(() => {
      const blobs = this.#records
        .all(
          "SELECT digest FROM blobs WHERE NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest)",
        )
        .map((row) => String(row["digest"]) as Digest);
      const layers = this.#records
        .all(
          `SELECT map, name FROM layers WHERE NOT EXISTS
             (SELECT 1 FROM image_layers WHERE image_layers.map = layers.map AND image_layers.layer = layers.name)`,
        )
        .map((row) => ({ map: String(row["map"]) as LayerMap, name: String(row["name"]) }));
      for (const digest of blobs) {
        this.#records.run("DELETE FROM blobs WHERE digest = ?", digest);
        // Within the transaction: whoever pulls this blob again must not find the file with the row gone, or the reverse.
        rmSync(this.#layout.blob(digest), { force: true });
      }
      for (const { map, name } of layers) {
        this.#records.run("DELETE FROM layers WHERE map = ? AND name = ?", map, name);
        this.toTrash(this.#layout.layer(map, name), `layer-${map}-${name}`);
      }
      return { blobs, layers };
    });
    return { blobs: doomed.blobs, layers: doomed.layers.map(({ name }) => name) };
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

  /** Staging directories whose owner is dead are moved to the trash. */
  sweepStaging(): void {
    for (const operation of list(`${this.#layout.dataHome}/staging`)) {
      const directory = this.#layout.staging(operation);
      const lock = acquireLock(`${directory}.lock`);
      if (lock === null) continue;
      this.toTrash(directory, `staging-${operation}`);
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

function list(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.endsWith(".lock"));
  } catch {
    return [];
  }
}
