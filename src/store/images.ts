// Images, their names, and the blobs they need. A name points to what the registry served; an image is its config.

import { BunkerError } from "../errors.ts";
import {
  type Digest,
  formatReference,
  type ImageConfig,
  lookupNames,
  parseReference,
  repositoryName,
} from "../image/index.ts";
import type { Blobs } from "./blobs.ts";
import type { Records, Row } from "./database.ts";
import { dropUnneeded } from "./garbage.ts";
import type { Layers } from "./layers.ts";
import type { LayerMap } from "./layout.ts";
import type { ImageRecord, LayerRecord, ReferenceRecord } from "./rows.ts";

/** What a pull found out about an image. */
export interface NewImage {
  id: Digest;
  manifest: Digest;
  config: ImageConfig;
  createdAt: string | null;
  /** Blobs that make it whole, the manifest and the config among them, with their sizes. */
  blobs: { digest: Digest; size: number }[];
  map: LayerMap;
  /** Bottom first. */
  layers: LayerRecord[];
}

/** An image somebody wants to remove, as it is within the transaction. */
export interface RemovableImage {
  image: ImageRecord;
  /** The name it was asked for by; `null`: by its id. */
  named: ReferenceRecord | null;
  references: ReferenceRecord[];
  /** Containers made from it. */
  users: ImageUser[];
}

export interface ImageUser {
  id: string;
  name: string;
}

/** What goes. An image that stays without a name is a dangling one. */
export interface ImageRemoval {
  names: ReferenceRecord[];
  whole: boolean;
}

/** Something that an image counts on has gone since it was looked for. */
class Gone extends Error {}

const HEX_ID = /^(?:sha256:)?([0-9a-f]{1,64})$/;
const FULL_HEX = 64;
const IMAGE_COLUMNS = "id, manifest, config, created_at, size, pulled_at";

export class Images {
  readonly #records: Records;
  readonly #blobs: Blobs;
  readonly #layers: Layers;

  constructor(records: Records, blobs: Blobs, layers: Layers) {
    this.#records = records;
    this.#blobs = blobs;
    this.#layers = layers;
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

  /**
   * Makes a pulled image known, under `reference` if one is given. `place` puts its files where they belong, synced by now, unless
   * something else that the image counts on has gone. It runs within the transaction, so that only a crash leaves files without rows.
   * @returns false, with nothing changed, when another command has removed something that was counted on
   */
  commit(image: NewImage, reference: { name: string; digest: Digest } | null, place: () => boolean): boolean {
    try {
      this.#records.write(() => {
        if (!place() || !this.#isWhole(image)) throw new Gone();
        this.#insert(image, reference);
        dropUnneeded(this.#records);
      });
      return true;
    } catch (error) {
      if (error instanceof Gone) return false;
      throw error;
    }
  }

  /**
   * Forgets what was unpacked for other classes of ids than `usual`, unless a container needs it. `used`: image id and class of each
   * container's layers, asked within the transaction. @returns the bytes of it
   */
  dropCopies(usual: LayerMap, used: () => { imageId: string; map: LayerMap }[]): number {
    const others = "SELECT DISTINCT image_id, map FROM image_layers WHERE map <> ?";
    if (this.#records.first(others, usual) === null) return 0;
    return this.#records.write(
      () => {
        const needed = new Set(used().map(({ imageId, map }) => `${imageId} ${map}`));
        for (const { image_id: imageId, map } of this.#records.all(others, usual)) {
          if (needed.has(`${String(imageId)} ${String(map)}`)) continue;
          this.#records.run("DELETE FROM image_layers WHERE image_id = ? AND map = ?", String(imageId), String(map));
        }
        return dropUnneeded(this.#records).bytes;
      },
      { durable: false, frees: true },
    );
  }

  #isWhole({ blobs, map, layers }: NewImage): boolean {
    return (
      blobs.every(({ digest, size }) => this.#blobs.has(digest, size)) &&
      layers.every(({ name }) => this.#layers.isOnDisk(map, name))
    );
  }

  #insert(image: NewImage, reference: { name: string; digest: Digest } | null): void {
    const now = new Date().toISOString();
    for (const { digest, size } of image.blobs) {
      this.#records.run("INSERT OR IGNORE INTO blobs (digest, size, created_at) VALUES (?, ?, ?)", digest, size, now);
    }
    const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
    this.#records.run(
      `INSERT INTO images (${IMAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET manifest = excluded.manifest`,
      image.id,
      image.manifest,
      JSON.stringify(image.config),
      image.createdAt,
      size,
      now,
    );
    for (const { digest } of image.blobs) this.#link("image", image.id, digest);
    this.#layers.stack(image, now);
    if (reference !== null) this.#point(reference, image.id, now);
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
      throw new BunkerError("invalid-reference", "refusing to create a tag with a digest reference", {
        hint: "A digest follows from the content: leave it out.",
      });
    }
    this.#records.write(() => {
      const image = this.find(source);
      if (image === null) throw noSuchImage(source);
      const digest = this.#findDigestOf(source, image.id) ?? image.manifest;
      this.#point({ name: formatReference(reference), digest }, image.id, new Date().toISOString());
      dropUnneeded(this.#records);
    });
  }

  /** The root digest behind the name the user used, so that a tag of an index stays an index. */
  #findDigestOf(source: string, imageId: string): Digest | null {
    const named = HEX_ID.test(source) ? null : this.findReference(source);
    return named?.digest ?? this.references(imageId)[0]?.digest ?? null;
  }

  /**
   * Forgets names of an image, or all of it. `decide` says what goes, of the image as it is at that moment, or throws why it may
   * not. @returns also the names of layers that went with it, whose files are loose ends now, and the bytes of all that went.
   * @throws BunkerError not-found
   */
  remove(
    name: string,
    decide: (found: RemovableImage) => ImageRemoval,
  ): RemovableImage & ImageRemoval & { layers: string[]; bytes: number } {
    const change = () => {
      const image = this.find(name);
      if (image === null) throw noSuchImage(name);
      const { id } = image;
      const found = { image, named: this.#nameOf(name), references: this.references(id), users: this.users(id) };
      const removal = decide(found);
      for (const reference of removal.names) this.#unname(reference.name);
      if (removal.whole) {
        this.#records.run("DELETE FROM image_layers WHERE image_id = ?", id);
        this.#records.run("DELETE FROM images WHERE id = ?", id);
        this.#records.run("DELETE FROM blob_links WHERE kind = 'image' AND owner = ?", id);
      }
      return { ...found, ...removal, ...dropUnneeded(this.#records) };
    };
    return this.#records.write(change, { frees: true });
  }

  /** `null`: the word is an id, or the beginning of one. */
  #nameOf(word: string): ReferenceRecord | null {
    return /^(?:sha256:|[0-9a-f]{64}$)/.test(word) ? null : this.findReference(word);
  }

  #unname(name: string): void {
    this.#records.run("DELETE FROM image_references WHERE name = ?", name);
    this.#records.run("DELETE FROM blob_links WHERE kind = 'reference' AND owner = ?", name);
  }

  /** Containers made from an image, or that mount it. */
  users(id: string): ImageUser[] {
    const rows = this.#records.all(
      `SELECT id, name FROM containers WHERE image_id = ?
         OR EXISTS (SELECT 1 FROM json_each(config, '$.images') WHERE json_extract(value, '$.imageId') = ?)`,
      id,
      id,
    );
    return rows.map((row) => ({ id: String(row["id"]), name: String(row["name"]) }));
  }

  /** How many containers each image has. */
  useCounts(): Map<string, number> {
    const rows = this.#records.all("SELECT image_id, count(*) AS count FROM containers GROUP BY image_id");
    return new Map(rows.map((row) => [String(row["image_id"]), Number(row["count"])]));
  }
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

/** The config was checked when the image came; what it was made from is a blob. */
function parseImage(row: Row): ImageRecord {
  return {
    id: String(row["id"]) as Digest,
    manifest: String(row["manifest"]) as Digest,
    config: JSON.parse(String(row["config"])) as ImageConfig,
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
