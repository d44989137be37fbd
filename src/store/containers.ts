// Containers' rows: what is wanted and what was. Whether one runs is not here: the kernel says it (engine/containers.ts).

import { BunkerError } from "../errors.ts";
import type { ContainerConfig, ExitRecord, IdRange } from "../container/index.ts";
import type { Digest } from "../image/index.ts";
import { UnusableStore } from "./database-problem.ts";
import type { Records, Row } from "./database.ts";
import { noteLooseEnds } from "./garbage.ts";
import { noSuchImage } from "./images.ts";
import type { ContainerRecord, ContainerState } from "./rows.ts";

const COLUMNS = "id, name, image_id, image_name, state, generation, created_at, config, exit";
const HEX = /^[0-9a-f]{1,64}$/;

/** What a new container brings; a name that is taken is a conflict. */
export interface NewContainer extends Omit<ContainerRecord, "exit"> {
  /** Volumes made for it, and others it uses. */
  volumes: { name: string; target: string; anonymous: boolean }[];
  /** Ids of its own, or another container's that it shares. */
  lease?: IdLease;
}

/** `take` is told all leases there are, and completes the container's config. @throws BunkerError when nothing is free */
export type IdLease = { take: (taken: IdRange[]) => IdRange } | { sharedWith: string };

export class Containers {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Newest first. `active`: only those that may be running, or are half made or half removed. */
  list(active: boolean): ContainerRecord[] {
    const where = active ? "WHERE state NOT IN ('created', 'ended')" : "";
    return this.#records.all(`SELECT ${COLUMNS} FROM containers ${where} ORDER BY created_at DESC, id`).map(parse);
  }

  /** By id. */
  find(id: string): ContainerRecord | null {
    const row = this.#records.first(`SELECT ${COLUMNS} FROM containers WHERE id = ?`, id);
    return row === null ? null : parse(row);
  }

  /** By id, name, or the beginning of an id, in this order. @throws BunkerError not-found, conflict in docker's words */
  resolve(word: string): ContainerRecord {
    const name = word.startsWith("/") ? word.slice(1) : word;
    const exact = this.#records.first(
      `SELECT ${COLUMNS} FROM containers WHERE id = ? OR name = ? ORDER BY id <> ?`,
      name,
      name,
      name,
    );
    if (exact !== null) return parse(exact);
    const rows = HEX.test(name)
      ? this.#records.all(`SELECT ${COLUMNS} FROM containers WHERE id >= ? AND id < ? LIMIT 2`, name, `${name}g`)
      : [];
    if (rows.length > 1) {
      throw new BunkerError("conflict", `multiple IDs found with provided prefix: ${word}`, {
        hint: "Give more of the id, or the name.",
      });
    }
    const [row] = rows;
    if (row === undefined) throw noSuchContainer(word);
    return parse(row);
  }

  /** Whether a name is taken. */
  isTaken(name: string): boolean {
    return this.#records.first("SELECT 1 FROM containers WHERE name = ?", name) !== null;
  }

  /**
   * Reserves id, name and volumes. `durable`: when nothing but a whole machine's end may undo it.
   * @throws BunkerError conflict in docker's words when the name is taken
   */
  insert(container: NewContainer, durable: boolean): void {
    this.#records.write(
      () => {
        const owner = this.#records.first("SELECT id FROM containers WHERE name = ?", container.name);
        if (owner !== null) throw nameTaken(container.name, String(owner["id"]));
        // Removed since it was looked up.
        const { imageId } = container;
        if (imageId !== null && this.#records.first("SELECT 1 FROM images WHERE id = ?", imageId) === null)
          throw noSuchImage(container.imageName);
        const range = this.#lease(container.lease);
        this.#records.run(
          `INSERT INTO containers (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)`,
          container.id,
          container.name,
          imageId,
          container.imageName,
          container.state,
          container.generation,
          container.createdAt,
          JSON.stringify(container.config),
        );
        if (range !== null) {
          const { first, size } = range;
          this.#records.run(
            "INSERT INTO id_leases (container_id, first, size) VALUES (?, ?, ?)",
            container.id,
            first,
            size,
          );
        }
        for (const volume of container.volumes) {
          this.#records.run(
            "INSERT OR IGNORE INTO volumes (name, anonymous, created_at, labels) VALUES (?, ?, ?, '{}')",
            volume.name,
            volume.anonymous ? 1 : 0,
            container.createdAt,
          );
          this.#records.run(
            "INSERT INTO container_volumes (container_id, volume, target) VALUES (?, ?, ?)",
            container.id,
            volume.name,
            volume.target,
          );
        }
      },
      { durable },
    );
  }

  /** Within a transaction. */
  #lease(lease: IdLease | undefined): IdRange | null {
    if (lease === undefined) return null;
    if ("take" in lease) return lease.take(this.#records.all("SELECT first, size FROM id_leases").map(parseRange));
    const { sharedWith } = lease;
    // Without it, somebody else may have its ids by now.
    if (this.find(sharedWith) === null) throw noSuchContainer(sharedWith);
    const row = this.#records.first("SELECT first, size FROM id_leases WHERE container_id = ?", sharedWith);
    return row === null ? null : parseRange(row);
  }

  /** From `creating` or `starting` to what has come of it. */
  setState(id: string, state: "created" | "started", durable = true): void {
    this.#records.write(
      () =>
        this.#records.run(
          "UPDATE containers SET state = ? WHERE id = ? AND state IN ('creating', 'starting')",
          state,
          id,
        ),
      { durable },
    );
  }

  /** One more start. How the one before ended is kept until this one has begun. @returns its number */
  beginStart(id: string): number {
    const change = () => {
      this.#records.run("UPDATE containers SET state = 'starting', generation = generation + 1 WHERE id = ?", id);
      return Number(this.#records.first("SELECT generation FROM containers WHERE id = ?", id)?.["generation"] ?? 0);
    };
    // A power cut would end the container as well.
    return this.#records.write(change, { durable: false });
  }

  /** A start that came to nothing: as it was before. */
  revertStart({ id, generation, exit }: ContainerRecord): void {
    const state: ContainerState = exit === null || exit.startedAt === null ? "created" : "ended";
    this.#records.write(
      () =>
        this.#records.run(
          "UPDATE containers SET state = ?, generation = generation - 1 WHERE id = ? AND generation = ? AND state = 'starting'",
          state,
          id,
          generation,
        ),
      { durable: false, frees: true },
    );
  }

  /** Takes over how a start ended, unless another start has begun meanwhile. */
  end(id: string, exit: ExitRecord): void {
    const state: ContainerState = exit.startedAt === null ? "created" : "ended";
    this.#records.write(
      () =>
        this.#records.run(
          "UPDATE containers SET state = ?, exit = ? WHERE id = ? AND generation = ? AND state IN ('creating', 'starting', 'started')",
          state,
          JSON.stringify(exit),
          id,
          exit.generation,
        ),
      { durable: false, frees: true },
    );
  }

  /** @throws BunkerError conflict in docker's words when the name is taken */
  rename(id: string, name: string): void {
    this.#records.write(() => {
      const owner = this.#records.first("SELECT id FROM containers WHERE name = ?", name);
      if (owner !== null) throw nameTaken(name, String(owner["id"]));
      this.#records.run("UPDATE containers SET name = ? WHERE id = ?", name, id);
    });
  }

  /** Forgets a container and, if asked, its anonymous volumes. `left`: their directories are still to be removed. */
  remove(id: string, options: { volumes: boolean; durable: boolean; left: boolean }): void {
    this.#records.write(
      () => {
        const volumes = options.volumes ? this.#ownVolumes(id) : [];
        this.#records.run("DELETE FROM containers WHERE id = ?", id);
        for (const volume of volumes) this.#records.run("DELETE FROM volumes WHERE name = ?", volume);
        const directories = [`containers/${id}`, ...volumes.map((volume) => `volumes/${volume}`)];
        if (options.left) noteLooseEnds(this.#records, directories);
      },
      { durable: options.durable, frees: true },
    );
  }

  /** Anonymous volumes that no other container uses. */
  #ownVolumes(id: string): string[] {
    const rows = this.#records.all(
      `SELECT DISTINCT volumes.name FROM volumes JOIN container_volumes ON volume = volumes.name
       WHERE container_id = ? AND anonymous = 1
         AND NOT EXISTS (SELECT 1 FROM container_volumes AS other WHERE other.volume = volumes.name AND other.container_id <> ?)`,
      id,
      id,
    );
    return rows.map((row) => String(row["name"]));
  }
}

export function noSuchContainer(word: string): BunkerError {
  return new BunkerError("not-found", `no such container: ${word}`, {
    hint: "`bunker ps -a` lists the containers there are.",
  });
}

function nameTaken(name: string, owner: string): BunkerError {
  const message = `Conflict. The container name "/${name}" is already in use by container "${owner}".`;
  return new BunkerError("conflict", message, {
    hint: `Remove that container (\`bunker rm ${name}\`), or choose another name.`,
  });
}

function parse(row: Row): ContainerRecord {
  const id = String(row["id"]);
  const config = parseJson<ContainerConfig>(String(row["config"]), id);
  const exit = row["exit"];
  return {
    id,
    name: String(row["name"]),
    imageId: row["image_id"] as Digest | null,
    imageName: String(row["image_name"]),
    state: String(row["state"]) as ContainerState,
    generation: Number(row["generation"]),
    createdAt: String(row["created_at"]),
    config,
    exit: typeof exit === "string" ? parseJson<ExitRecord>(exit, id) : null,
  };
}

function parseJson<T>(text: string, id: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new UnusableStore(`the record of container "${id}" is damaged`, {
      hint: `\`bunker rm -f ${id}\` removes the container.`,
      cause,
    });
  }
}

function parseRange(row: Row): IdRange {
  return { first: Number(row["first"]), size: Number(row["size"]) };
}
