// Images, their names, their layers, and the blobs they need. A name points to what the registry served; an image is its config.

import { BunkerError } from "../errors.ts";
import {
  computeDigest,
  type Digest,
  formatReference,
  lookupNames,
  parseImageConfig,
  parseReference,
  repositoryName,
} from "../image/index.ts";
import type { Records, Row } from "./database.ts";
import { noteLooseEnds } from "./garbage.ts";
import type { Layout, LayerMap } from "./layout.ts";
import type { ImageRecord, LayerRecord, ReferenceRecord } from "./rows.ts";

/** What a pull found out about an image. */
export interface NewImage {
  id: Digest;
  manifest: Digest;
  /** The config's bytes as text. */
  config: string;
  createdAt: string | null;
  /** Blobs that make it whole, the manifest and the config among them, with their sizes. */
  blobs: { digest: Digest; size: number }[];
  map: LayerMap;
  /** Bottom first. */
  layers: LayerRecord[];
}

const HEX_ID = /^(?:sha256:)?([0-9a-f]{1,64})$/;
const FULL_HEX = 64;
const FREES = { frees: true } as const;
const IMAGE_COLUMNS = "id, manifest, config, created_at, size, pulled_at";

export class Images {
  readonly #records: Records;
  readonly #layout: Layout;

  constructor(records: Records, layout: Layout) {
    this.#records = records;
    this.#layout = layout;
  }

  /** By id. A container's image is always there. */
  byId(id: string): ImageRecord {
    const row = this.#records.first(`SELECT ${IMAGE_COLUMNS} FROM images WHERE id = ?`, id);
    if (row === null) throw noSuchImage(id);
    return parseImage(row);
  }

  list(): ImageRecord[] {
    return this.#records.all(`SELECT ${IMAGE_COLUMNS} FROM images`).map(parseImage);
  }

  references(imageId?: string): ReferenceRecord[] {
    const rows =
      imageId === undefined
        ? this.#records.all("SELECT name, image_id, digest FROM image_references ORDER BY name")
        : this.#records.all(
            "SELECT name, image_id, digest FROM image_references WHERE image_id = ? ORDER BY name",
            imageId,
          );
    return rows.map(parseReferenceRow);
  }

  /** The image a user means: an id, a name, or the beginning of an id. `null`: there is none. @throws BunkerError conflict */
  find(name: string): ImageRecord | null {
    const hex = HEX_ID.exec(name)?.[1];
    if (hex?.length === FULL_HEX) return this.#byPrefix(hex, name);
    const reference = name.startsWith("sha256:") ? null : this.findReference(name);
    if (reference !== null) return this.byId(reference.imageId);
    return hex === undefined ? null : this.#byPrefix(hex, name);
  }

  /** The name a user means, as it is stored. */
  findReference(name: string): ReferenceRecord | null {
    for (const full of lookupNames(name)) {
      const row = this.#records.first(
        "SELECT name, image_id, digest FROM image_references WHERE name = ?",
        storedName(full),
      );
      if (row !== null) return parseReferenceRow(row);
    }
    return this.#byDigest(name);
  }

  /** `repository@digest` also means what another name of that repository points to. */
  #byDigest(name: string): ReferenceRecord | null {
    const { digest } = parseReference(name);
    if (digest === null) return null;
    const repositories = lookupNames(name).map((full) => repositoryName(parseReference(full)));
    const rows = this.#records.all("SELECT name, image_id, digest FROM image_references WHERE digest = ?", digest);
    const found = rows
      .map(parseReferenceRow)
      .find((row) => repositories.includes(repositoryName(parseReference(row.name))));
    return found ?? null;
  }

  #byPrefix(hex: string, name: string): ImageRecord | null {
    const rows = this.#records.all(
      `SELECT ${IMAGE_COLUMNS} FROM images WHERE id >= ? AND id < ? LIMIT 2`,
      `sha256:${hex}`,
      `sha256:${hex}g`,
    );
    if (rows.length > 1) {
      throw new BunkerError("conflict", `multiple images match the id "${name}"`, {
        hint: "Give more of the id, or a name.",
      });
    }
    const [row] = rows;
    return row === undefined ? null : parseImage(row);
  }

  /** Unpacked layers by name, of those that are there. */
  layers(map: LayerMap, names: readonly string[]): Map<string, LayerRecord> {
    const found = new Map<string, LayerRecord>();
    for (const name of names) {
      const row = this.#records.first(
        "SELECT name, diff_id, size, entries, implied FROM layers WHERE map = ? AND name = ?",
        map,
        name,
      );
      if (row !== null) found.set(name, parseLayer(row));
    }
    return found;
  }

  /** Names of an image's layers for a map, bottom first; empty: not unpacked for it. */
  layerNames(imageId: string, map: LayerMap): string[] {
    const rows = this.#records.all(
      "SELECT layer FROM image_layers WHERE image_id = ? AND map = ? ORDER BY position",
      imageId,
      map,
    );
    return rows.map((row) => String(row["layer"]));
  }

  /** Directories of an image's layers, topmost first, as overlay wants them. */
  lowerDirectories(imageId: string, map: LayerMap): string[] {
    return this.layerNames(imageId, map)
      .map((name) => `${this.#layout.layer(map, name)}/root`)
      .reverse();
  }

  /** Makes a pulled image known, under `reference` if one is given. Its files are on disk and synced by now. */
  commit(image: NewImage, reference: { name: string; digest: Digest } | null): void {
    const now = new Date().toISOString();
    this.#records.write(() => {
      for (const { digest, size } of image.blobs) {
        this.#records.run("INSERT OR IGNORE INTO blobs (digest, size, created_at) VALUES (?, ?, ?)", digest, size, now);
      }
      const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
      this.#records.run(
        `INSERT INTO images (${IMAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET manifest = excluded.manifest`,
        image.id,
        image.manifest,
        image.config,
        image.createdAt,
        size,
        now,
      );
      for (const { digest } of image.blobs) this.#link("image", image.id, digest);
      this.#stack(image, now);
      if (reference !== null) this.#point(reference, image.id, now);
      this.#own(image);
      this.#dropUnneeded();
    });
  }

  /** What was announced before it was made, or dropped by somebody while we used it, is a row's again. */
  #own({ blobs, map, layers }: NewImage): void {
    const paths = [
      ...blobs.map(({ digest }) => this.#layout.blob(digest)),
      ...layers.map(({ name }) => this.#layout.layer(map, name)),
    ];
    for (const path of paths) this.#records.run("DELETE FROM loose_ends WHERE path = ?", this.#layout.relative(path));
  }

  /** Rows of blobs and layers that nothing leads to any more; their files become loose ends. @returns the layers' names */
  #dropUnneeded(): string[] {
    const blobs = this.#records.all(
      "DELETE FROM blobs WHERE NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest) RETURNING digest",
    );
    const layers = this.#records.all(
      `DELETE FROM layers WHERE NOT EXISTS
         (SELECT 1 FROM image_layers WHERE image_layers.map = layers.map AND image_layers.layer = layers.name)
       RETURNING map, name`,
    );
    const paths = [
      ...blobs.map((row) => this.#layout.blob(String(row["digest"]) as Digest)),
      ...layers.map((row) => this.#layout.layer(String(row["map"]) as LayerMap, String(row["name"]))),
    ];
    noteLooseEnds(
      this.#records,
      paths.map((path) => this.#layout.relative(path)),
    );
    return layers.map((row) => String(row["name"]));
  }

  #stack(image: NewImage, now: string): void {
    const { map } = image;
    for (const layer of image.layers) {
      this.#records.run(
        "INSERT OR IGNORE INTO layers (map, name, diff_id, size, entries, implied, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        map,
        layer.name,
        layer.diffId,
        layer.size,
        layer.entries,
        layer.implied,
        now,
      );
    }
    this.#records.run("DELETE FROM image_layers WHERE image_id = ? AND map = ?", image.id, map);
    for (const [position, layer] of image.layers.entries()) {
      this.#records.run(
        "INSERT INTO image_layers (image_id, map, position, layer) VALUES (?, ?, ?, ?)",
        image.id,
        map,
        position,
        layer.name,
      );
    }
  }

  #link(kind: "image" | "reference", owner: string, digest: Digest): void {
    this.#records.run("INSERT OR IGNORE INTO blob_links (kind, owner, digest) VALUES (?, ?, ?)", kind, owner, digest);
  }

  /** Points a name to an image. `blobs`: what was read on the way to it (an index), to be kept with the name. */
  #point(reference: { name: string; digest: Digest }, imageId: string, now: string): void {
    const name = storedName(reference.name);
    this.#records.run(
      `INSERT INTO image_references (name, image_id, digest, updated_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id, digest = excluded.digest, updated_at = excluded.updated_at`,
      name,
      imageId,
      reference.digest,
      now,
    );
    this.#records.run("DELETE FROM blob_links WHERE kind = 'reference' AND owner = ?", name);
    this.#link("reference", name, reference.digest);
  }

  /** docker tag. `source` must be there. */
  tag(source: string, target: string): void {
    const reference = parseReference(target);
    if (reference.digest !== null) {
      throw new BunkerError("invalid-reference", "refusing to create a tag with a digest reference");
    }
    this.#records.write(() => {
      const image = this.find(source);
      if (image === null) throw noSuchImage(source);
      const digest = this.findReferenceOf(source, image.id) ?? image.manifest;
      this.#point({ name: formatReference(reference), digest }, image.id, new Date().toISOString());
      this.#dropUnneeded();
    });
  }

  /** The root digest behind the name the user used, so that a tag of an index stays an index. */
  findReferenceOf(source: string, imageId: string): Digest | null {
    const named = HEX_ID.test(source) ? null : this.findReference(source);
    return named?.digest ?? this.references(imageId)[0]?.digest ?? null;
  }

  /** Takes a name away. */
  untag(name: string): void {
    this.#records.write(() => {
      this.#records.run("DELETE FROM image_references WHERE name = ?", name);
      this.#records.run("DELETE FROM blob_links WHERE kind = 'reference' AND owner = ?", name);
      this.#dropUnneeded();
    }, FREES);
  }

  /** Forgets an image with all its names. @returns the names of layers that went with it; @throws BunkerError conflict */
  remove(id: string): string[] {
    return this.#records.write(() => {
      const [user] = this.users(id);
      if (user !== undefined) throw inUse(id, user.name);
      for (const { name } of this.references(id)) {
        this.#records.run("DELETE FROM blob_links WHERE kind = 'reference' AND owner = ?", name);
      }
      this.#records.run("DELETE FROM image_references WHERE image_id = ?", id);
      this.#records.run("DELETE FROM image_layers WHERE image_id = ?", id);
      this.#records.run("DELETE FROM images WHERE id = ?", id);
      this.#records.run("DELETE FROM blob_links WHERE kind = 'image' AND owner = ?", id);
      return this.#dropUnneeded();
    }, FREES);
  }

  /** Containers made from an image. */
  users(id: string): { id: string; name: string }[] {
    const rows = this.#records.all("SELECT id, name FROM containers WHERE image_id = ?", id);
    return rows.map((row) => ({ id: String(row["id"]), name: String(row["name"]) }));
  }

  /** How many containers each image has. */
  useCounts(): Map<string, number> {
    const rows = this.#records.all("SELECT image_id, count(*) AS count FROM containers GROUP BY image_id");
    return new Map(rows.map((row) => [String(row["image_id"]), Number(row["count"])]));
  }
}

/** A container was made from it after we had looked. */
function inUse(id: string, user: string): BunkerError {
  return new BunkerError("conflict", `conflict: unable to delete image "${id}": container "${user}" is using it`, {
    hint: `Remove that container first: \`bunker rm ${user}\`.`,
  });
}

/** With a digest the tag says nothing: docker keeps only the digest. */
function storedName(name: string): string {
  const reference = parseReference(name);
  return formatReference(reference.digest === null ? reference : { ...reference, tag: null });
}

export function noSuchImage(name: string): BunkerError {
  return new BunkerError("not-found", `no such image: ${name}`, {
    hint: "`bunker images` lists the images there are.",
  });
}

function parseImage(row: Row): ImageRecord {
  const id = String(row["id"]) as Digest;
  const text = String(row["config"]);
  if (computeDigest(text) !== id)
    throw new BunkerError("store", `the record of image "${id}" is damaged`, { hint: "Pull the image again." });
  return {
    id,
    manifest: String(row["manifest"]) as Digest,
    config: parseImageConfig(new TextEncoder().encode(text), `config of image "${id}"`),
    createdAt: textOrNull(row["created_at"]),
    size: Number(row["size"]),
    pulledAt: String(row["pulled_at"]),
  };
}

function textOrNull(value: string | number | null | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function parseReferenceRow(row: Row): ReferenceRecord {
  return {
    name: String(row["name"]),
    imageId: String(row["image_id"]) as Digest,
    digest: String(row["digest"]) as Digest,
  };
}

function parseLayer(row: Row): LayerRecord {
  return {
    name: String(row["name"]),
    diffId: textOrNull(row["diff_id"]) as Digest | null,
    size: Number(row["size"]),
    entries: Number(row["entries"]),
    implied: Number(row["implied"]),
  };
}
