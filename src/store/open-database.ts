// Opens the database as it must be opened, makes or upgrades its tables, and refuses one that is not ours, newer than we are, or
// cut off. Where the data home cannot be written, what can be read without writing is.

import { constants, Database, SQLiteError } from "bun:sqlite";
import { chmodSync, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { BunkerError } from "../errors.ts";
import { isReadOnly, UnusableStore } from "./database-problem.ts";
import { MIGRATIONS } from "./schema.ts";
import { sharedFilesystem } from "./shared-filesystem.ts";

/** Before SQLite 3.51.3 a checkpoint could corrupt a WAL database. */
const MINIMUM_SQLITE = [3, 51, 3] as const;
const BUSY_TIMEOUT_MS = 30_000;
/** Commands end without closing the database (`exitNow`), so the log is as long as this lets it grow, and read at every start. */
const CHECKPOINT_PAGES = 100;
/** "bunk": whose database this is (PRAGMA application_id). */
export const APPLICATION_ID = 0x62756e6b;
const PRIVATE_FILE = 0o600;

/** @throws BunkerError store, SQLiteError */
export function openDatabase(path: string): Database {
  try {
    return openForWriting(path);
  } catch (error) {
    const readable = isReadOnly(error) && error instanceof SQLiteError ? openForReading(path) : null;
    if (readable === null) throw error;
    return readable;
  }
}

function openForWriting(path: string): Database {
  const before = statSync(path, { throwIfNoEntry: false });
  if (before === undefined) ensureLocal(dirname(path));
  const database = new Database(path, constants.SQLITE_OPEN_READWRITE | constants.SQLITE_OPEN_CREATE);
  try {
    // First of all: everything after it may have to wait for another process.
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    database.run("PRAGMA foreign_keys = ON");
    database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    const version = ensureOurs(database);
    if (version < MIGRATIONS.length) {
      if (version === 0 && before?.size === 0) ensureNew(path);
      migrate(database);
      // Whatever the umask.
      if (version === 0) chmodSync(path, PRIVATE_FILE);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * A read-only data home: without its own shared memory SQLite reads only what has been written back into the file, which is
 * everything as soon as the last command has closed it. `null`: it is not.
 */
function openForReading(path: string): Database | null {
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) return null;
  const place = encodeURI(path).replaceAll("?", "%3f").replaceAll("#", "%23");
  const database = new Database(
    `file:${place}?immutable=1`,
    constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI,
  );
  if (ensureOurs(database) === MIGRATIONS.length) return database;
  database.close();
  return null;
}

/** @returns its version; 0: it is new */
function ensureOurs(database: Database): number {
  // At one moment: another process may just be making it.
  const { version, owner, isNew } = database.transaction(() => readHeader(database)).deferred();
  if (!isNew && owner !== APPLICATION_ID) {
    throw new BunkerError("store", "the data home's db.sqlite is another program's database", {
      hint: "Move it away, or use another data home with --root.",
    });
  }
  if (version <= MIGRATIONS.length) return version;
  throw new UnusableStore(
    `the data home was written by a newer bunker (its version is ${version}, ours ${MIGRATIONS.length})`,
    { hint: "Use that newer bunker, or another data home with --root." },
  );
}

function readHeader(database: Database): { version: number; owner: number; isNew: boolean } {
  const { version, owner } = database
    .query<{ version: number; owner: number }, []>(
      "SELECT user_version AS version, application_id AS owner FROM pragma_user_version, pragma_application_id",
    )
    .get() ?? { version: 0, owner: 0 };
  return { version, owner, isNew: version === 0 && owner === 0 && !hasTables(database) };
}

function hasTables(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== null;
}

/** @throws BunkerError store for a place in which no new data home may be */
function ensureLocal(place: string): void {
  const name = sharedFilesystem(place);
  if (name === null) return;
  throw new BunkerError("store", `"${place}" is on ${name}, which keeps neither a database nor layers safely`, {
    hint: "Put the data home on a disk of this machine, with --root.",
  });
}

/** An empty file where there was a database: it must not look as if there had never been anything. */
function ensureNew(path: string): void {
  const home = dirname(path);
  if (!existsSync(`${home}/blobs`) && !existsSync(`${home}/containers`)) return;
  throw new UnusableStore("the database is damaged: db.sqlite is empty, though there is data beside it", {
    hint: "Put a copy of it back, or move it away and pull your images again; volumes are kept.",
  });
}

function migrate(database: Database): void {
  ensureSqlite(database);
  database.run("PRAGMA journal_mode = WAL");
  database
    .transaction(() => {
      // Read again: another process may have been quicker.
      const version = ensureOurs(database);
      for (const step of MIGRATIONS.slice(version)) database.run(step);
      database.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
      database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    })
    .immediate();
}

function ensureSqlite(database: Database): void {
  const { version } = database.query<{ version: string }, []>("SELECT sqlite_version() AS version").get() ?? {
    version: "0",
  };
  const parts = version.split(".").map(Number);
  const differing = MINIMUM_SQLITE.findIndex((wanted, at) => parts[at] !== wanted);
  if (differing >= 0 && (parts[differing] ?? 0) < (MINIMUM_SQLITE[differing] ?? 0)) {
    throw new BunkerError("store", `SQLite ${version} may corrupt the database`);
  }
}
