// The one SQLite database: opened once per process, WAL, every write an immediate transaction of a few milliseconds that spans
// no other I/O. A deferred transaction that reads and then writes loses updates: there is none here.

import { constants, Database, type SQLQueryBindings, SQLiteError } from "bun:sqlite";
import { BunkerError } from "../errors.ts";
import { MIGRATIONS } from "./schema.ts";

/** Before SQLite 3.51.3 a checkpoint could corrupt a WAL database. */
const MINIMUM_SQLITE = [3, 51, 3] as const;
const BUSY_TIMEOUT_MS = 30_000;
/** Commands end without closing the database (`exitNow`), so the log is as long as this lets it grow, and read at every start. */
const CHECKPOINT_PAGES = 100;

export type Row = Record<string, string | number | null>;

export class Records {
  readonly #path: string;
  #opened: Database | null = null;

  /** Opens nothing yet: the first query does. */
  constructor(path: string) {
    this.#path = path;
  }

  get #database(): Database {
    this.#opened ??= open(this.#path);
    return this.#opened;
  }

  /** All rows of a query. */
  all(sql: string, ...values: SQLQueryBindings[]): Row[] {
    return guarded(() => this.#database.query<Row, SQLQueryBindings[]>(sql).all(...values));
  }

  /** The first row, or `null`. */
  first(sql: string, ...values: SQLQueryBindings[]): Row | null {
    return guarded(() => this.#database.query<Row, SQLQueryBindings[]>(sql).get(...values));
  }

  /** A write within `write`. @returns how many rows it changed */
  run(sql: string, ...values: SQLQueryBindings[]): number {
    return this.#database.query(sql).run(...values).changes;
  }

  /**
   * Runs `change` as one immediate transaction. `durable`: when this returns, not even a power cut takes it back; else a power
   * cut may, which is right for what would be undone after one anyway.
   */
  write<T>(change: () => T, durable = true): T {
    return guarded(() => {
      this.#database.run(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
      return this.#database.transaction(change).immediate();
    });
  }
}

function open(path: string): Database {
  const database = new Database(path, constants.SQLITE_OPEN_READWRITE | constants.SQLITE_OPEN_CREATE);
  // First of all: everything after it may have to wait for another process.
  database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.run("PRAGMA foreign_keys = ON");
  database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  const version = readVersion(database);
  if (version > MIGRATIONS.length) {
    database.close();
    throw new BunkerError(
      "store",
      `the data home was written by a newer bunker (its version is ${version}, ours ${MIGRATIONS.length})`,
      {
        hint: "Use that newer bunker, or another data home with --root.",
      },
    );
  }
  if (version < MIGRATIONS.length) migrate(database);
  return database;
}

function readVersion(database: Database): number {
  return database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}

function migrate(database: Database): void {
  ensureSqlite(database);
  database.run("PRAGMA journal_mode = WAL");
  database
    .transaction(() => {
      // Read again: another process may have been quicker.
      for (const step of MIGRATIONS.slice(readVersion(database))) database.run(step);
      database.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
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

/** SQLite's failures in our words. */
function guarded<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof SQLiteError ? explain(error) : error;
  }
}

function explain(error: SQLiteError): BunkerError {
  const code = error.code ?? "";
  const failure = (reason: string, hint: string): BunkerError =>
    new BunkerError("store", `the database ${reason}`, { hint, cause: error });
  if (code.startsWith("SQLITE_BUSY"))
    return failure("is busy", "Another bunker has held it for half a minute: see which with `ps`.");
  if (code.startsWith("SQLITE_FULL") || /disk I\/O error/.test(error.message)) {
    return new BunkerError("no-space", "writing the database: no space left on the device", {
      hint: "Free some space, or use another data home with --root.",
      cause: error,
    });
  }
  if (/^SQLITE_(READONLY|CANTOPEN|PERM)/.test(code)) {
    return failure("cannot be written", "The data home must be yours and writable; --root names another one.");
  }
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
    return failure("is damaged", "Move db.sqlite away and pull your images again; volumes are kept.");
  }
  return failure(`refused: ${error.message}`, "This is a bug in bunker: please report it.");
}
