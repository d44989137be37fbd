// Unpacked layers, and the stacks that images make of them. Written within the transactions of images.ts.

import { statSync } from "node:fs";
import type { Digest } from "../image/index.ts";
import type { Records, Row } from "./database.ts";
import type { Layout, LayerMap } from "./layout.ts";
import type { LayerRecord } from "./rows.ts";

const COLUMNS = "name, diff_id, size, entries, implied, whiteouts, opaque";

/** An image's layers for a map, bottom first. */
export interface LayerStack {
  /** The image's id. */
  id: Digest;
  map: LayerMap;
  layers: LayerRecord[];
}

export class Layers {
  readonly #records: Records;
  readonly #layout: Layout;

  constructor(records: Records, layout: Layout) {
    this.#records = records;
    this.#layout = layout;
  }

  /** Layers by name, of those that are there. */
  find(map: LayerMap, names: readonly string[]): Map<string, LayerRecord> {
    const found = new Map<string, LayerRecord>();
    for (const name of names) {
      const row = this.#records.first(`SELECT ${COLUMNS} FROM layers WHERE map = ? AND name = ?`, map, name);
      if (row !== null && this.isOnDisk(map, name)) found.set(name, parse(row));
    }
    return found;
  }

  isOnDisk(map: LayerMap, name: string): boolean {
    return statSync(this.#layout.layer(map, name), { throwIfNoEntry: false }) !== undefined;
  }

  /** Whether an image is unpacked for a map; one without layers always is. */
  hasStack(imageId: string, map: LayerMap): boolean {
    const row = this.#records.first("SELECT 1 FROM image_layers WHERE image_id = ? AND map = ? LIMIT 1", imageId, map);
    return row !== null;
  }

  /**
   * Directories of an image's layers, topmost first, as overlay wants them: none twice, which it refuses (the upper one hides
   * the lower one whole), and none below one whose root is opaque, which it would not notice.
   */
  lowerDirectories(imageId: string, map: LayerMap): string[] {
    const rows = this.#records.all(
      `SELECT layer, opaque FROM image_layers JOIN layers ON layers.map = image_layers.map AND name = layer
       WHERE image_id = ? AND image_layers.map = ? ORDER BY position DESC`,
      imageId,
      map,
    );
    const end = rows.findIndex(({ opaque }) => opaque === 1);
    const visible = rows.slice(0, end < 0 ? rows.length : end + 1).map(({ layer }) => String(layer));
    return [...new Set(visible)].map((name) => `${this.#layout.layer(map, name)}/root`);
  }

  /** Unpacked bytes of an image's layers, by what they hold. */
  sizes(imageId: string): Map<string, number> {
    const rows = this.#records.all(
      `SELECT diff_id, size FROM image_layers JOIN layers ON layers.map = image_layers.map AND name = layer
       WHERE image_id = ? AND diff_id IS NOT NULL`,
      imageId,
    );
    return new Map(rows.map((row) => [String(row["diff_id"]), Number(row["size"])]));
  }

  /** Records an image's stack and the layers in it. */
  stack({ id, map, layers }: LayerStack, now: string): void {
    for (const layer of layers) {
      this.#records.run(
        `INSERT OR IGNORE INTO layers (map, ${COLUMNS}, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        map,
        layer.name,
        layer.diffId,
        layer.size,
        layer.entries,
        layer.implied,
        layer.whiteouts,
        layer.opaque ? 1 : 0,
        now,
      );
    }
    this.#records.run("DELETE FROM image_layers WHERE image_id = ? AND map = ?", id, map);
    for (const [position, { name }] of layers.entries()) {
      this.#records.run(
        "INSERT INTO image_layers (image_id, map, position, layer) VALUES (?, ?, ?, ?)",
        id,
        map,
        position,
        name,
      );
    }
  }
}

function parse(row: Row): LayerRecord {
  const diffId = row["diff_id"];
  return {
    name: String(row["name"]),
    diffId: typeof diffId === "string" ? (diffId as Digest) : null,
    size: Number(row["size"]),
    entries: Number(row["entries"]),
    implied: Number(row["implied"]),
    whiteouts: Number(row["whiteouts"]),
    opaque: row["opaque"] === 1,
  };
}
