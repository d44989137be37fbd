// Volumes' rows: names, labels, and who uses them. Their data are in volumes/<name>/_data.

import { BunkerError } from "../errors.ts";
import type { Records, Row } from "./database.ts";
import { noteLooseEnds } from "./garbage.ts";

export interface VolumeRecord {
  name: string;
  /** Made without a name: removed with its container on request, and by prune. */
  anonymous: boolean;
  /** RFC 3339. */
  createdAt: string;
  labels: Record<string, string>;
  /** Ids of the containers that use it. */
  users: string[];
}

type NewVolume = Pick<VolumeRecord, "name" | "anonymous" | "labels">;

const COLUMNS = `name, anonymous, created_at, labels,
  (SELECT group_concat(DISTINCT container_id) FROM container_volumes WHERE volume = volumes.name) AS users`;

export class Volumes {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** By name. */
  list(): VolumeRecord[] {
    return this.#records.all(`SELECT ${COLUMNS} FROM volumes ORDER BY name`).map(parse);
  }

  find(name: string): VolumeRecord | null {
    const row = this.#records.first(`SELECT ${COLUMNS} FROM volumes WHERE name = ?`, name);
    return row === null ? null : parse(row);
  }

  /**
   * Makes a volume known once `place` has made its directory; one that is there already stays as it is, as docker has it. The
   * directory is a loose end until then, so that nothing is left of it should we die.
   */
  add({ name, anonymous, labels }: NewVolume, place: () => void): void {
    if (this.find(name) !== null) return;
    const directory = `volumes/${name}`;
    this.#records.write(() => noteLooseEnds(this.#records, [directory]), { durable: false });
    this.#records.write(() => {
      place();
      this.#records.run(
        "INSERT OR IGNORE INTO volumes (name, anonymous, created_at, labels) VALUES (?, ?, ?, ?)",
        name,
        anonymous ? 1 : 0,
        new Date().toISOString(),
        JSON.stringify(labels),
      );
      this.#records.run("DELETE FROM loose_ends WHERE path = ?", directory);
    });
  }

  /** Forgets a volume and notes its directory. @throws BunkerError not-found, conflict in docker's words */
  remove(name: string): void {
    this.#records.write(
      () => {
        const volume = this.find(name);
        if (volume === null) throw noSuchVolume(name);
        if (volume.users.length > 0) throw inUse(volume);
        this.#records.run("DELETE FROM volumes WHERE name = ?", name);
        noteLooseEnds(this.#records, [`volumes/${name}`]);
      },
      { frees: true },
    );
  }
}

export function noSuchVolume(name: string): BunkerError {
  return new BunkerError("not-found", `get ${name}: no such volume`, {
    hint: "`bunker volume ls` lists the volumes there are.",
  });
}

function inUse({ name, users }: VolumeRecord): BunkerError {
  return new BunkerError("conflict", `remove ${name}: volume is in use - [${users.join(", ")}]`, {
    hint: "Remove the containers first: `bunker ps -a --filter volume=NAME` lists them.",
  });
}

function parse(row: Row): VolumeRecord {
  const users = row["users"];
  return {
    name: String(row["name"]),
    anonymous: row["anonymous"] === 1,
    createdAt: String(row["created_at"]),
    labels: JSON.parse(String(row["labels"])) as Record<string, string>,
    users: typeof users === "string" ? users.split(",") : [],
  };
}
