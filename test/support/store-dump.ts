// The store as data: every row less timestamps, and the names of what is on disk. Reads database and disk itself, never
// through the engine.

import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { OWNED, TIMESTAMP_COLUMN } from "./store-layout.ts";

export interface StoreDump {
  /** By table: rows as JSON, sorted. */
  tables: Record<string, string[]>;
  /** Blobs, layers, containers, volumes: paths below the data home, sorted. */
  files: string[];
}

type Row = Record<string, unknown>;

/**
 * Opens a copy: a second opener would leave -wal and -shm files of root's in the user's store. Nobody may be writing.
 * `null`: there is no database.
 */
export function withDatabase<T>(dataHome: string, use: (database: Database) => T): T | null {
  if (!existsSync(join(dataHome, "db.sqlite"))) return null;
  const folder = mkdtempSync(join(tmpdir(), "bunker-dump-"));
  try {
    for (const name of ["db.sqlite", "db.sqlite-wal"]) {
      if (existsSync(join(dataHome, name))) copyFileSync(join(dataHome, name), join(folder, name));
    }
    const database = new Database(join(folder, "db.sqlite"));
    try {
      return use(database);
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function dumpStore(dataHome: string): StoreDump {
  const tables = withDatabase(dataHome, (database) => {
    const names = database.query<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    );
    return Object.fromEntries(names.all().map(({ name }) => [name, rowsOf(database, name)]));
  });
  return { tables: tables ?? {}, files: OWNED.flatMap(({ glob }) => entriesOf(dataHome, glob)) };
}

function rowsOf(database: Database, table: string): string[] {
  const rows = database.query<Row, []>(`SELECT * FROM "${table}"`).all();
  return rows.map((row) => JSON.stringify(withoutTimestamps(row), showBytes)).sort();
}

function withoutTimestamps(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([column]) => !TIMESTAMP_COLUMN.test(column)));
}

function showBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

/** Paths that match, files and folders alike, sorted. Only `*` is special, one folder at a time, links not followed. */
export function entriesOf(root: string, glob: string): string[] {
  const [first = "", ...rest] = glob.split("/");
  const pattern = new RegExp(`^${first.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
  const names = listing(root)
    .filter((name) => pattern.test(name))
    .sort();
  if (rest.length === 0) return names;
  return names.flatMap((name) => entriesOf(join(root, name), rest.join("/")).map((path) => `${name}/${path}`));
}

export function listing(directory: string): string[] {
  const isDirectory = lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isDirectory ? readdirSync(directory) : [];
}

/** What differs, as lines for a person. */
export function compareDumps(before: StoreDump, after: StoreDump): string[] {
  const tables = [...new Set([...Object.keys(before.tables), ...Object.keys(after.tables)])];
  const rows = tables.flatMap((table) =>
    compareLists(before.tables[table] ?? [], after.tables[table] ?? [], `row of ${table}`),
  );
  return [...rows, ...compareLists(before.files, after.files, "file")];
}

export function compareLists(before: string[], after: string[], what: string): string[] {
  const had = new Set(before);
  const has = new Set(after);
  return [
    ...after.filter((item) => !had.has(item)).map((item) => `new ${what}: ${item}`),
    ...before.filter((item) => !has.has(item)).map((item) => `lost ${what}: ${item}`),
  ];
}
