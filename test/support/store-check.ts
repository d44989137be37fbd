// I3: whether a store is valid, whatever happened to it. Returns problems as lines; an empty list is a valid store.

import type { Database } from "bun:sqlite";
import { createReadStream, lstatSync } from "node:fs";
import { join } from "node:path";

import { entriesOf, listing, withDatabase } from "./store-dump.ts";
import { HASHED, KNOWN_ENTRIES, LAYER_PARTS, OWNED, type Ownership, RULES, TRANSIENT } from "./store-layout.ts";

export interface StoreRules {
  dataHome: string;
  uid: number;
  /** An operation was killed and no command has run since: half-done work may lie in staging and trash. */
  afterKill: boolean;
}

export async function checkStore({ dataHome, uid, afterKill }: StoreRules): Promise<string[]> {
  const home = lstatSync(dataHome, { throwIfNoEntry: false });
  if (home === undefined) return [];
  const problems: string[] = [];
  if (home.uid !== uid || (home.mode & 0o777) !== 0o700)
    problems.push(`the data home is not a 0700 directory of uid ${uid}`);
  for (const name of listing(dataHome)) {
    if (!KNOWN_ENTRIES.some((pattern) => pattern.test(name))) problems.push(`unknown entry in the data home: ${name}`);
  }
  problems.push(
    ...(withDatabase(dataHome, (database) => [...checkDatabase(database), ...checkRules(database, afterKill)]) ?? []),
  );
  problems.push(...checkOwnership(dataHome, afterKill));
  for (const path of entriesOf(dataHome, HASHED.glob)) problems.push(...(await checkHash(join(dataHome, path))));
  for (const path of entriesOf(dataHome, "layers/*/*")) {
    const missing = LAYER_PARTS.filter(
      (part) => lstatSync(join(dataHome, path, part), { throwIfNoEntry: false }) === undefined,
    );
    problems.push(...missing.map((part) => `${path} has no ${part}`));
  }
  if (!afterKill) {
    for (const folder of TRANSIENT)
      problems.push(...listing(join(dataHome, folder)).map((name) => `left over: ${folder}/${name}`));
  }
  return problems;
}

function checkDatabase(database: Database): string[] {
  const integrity = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
  const foreign = database.query<Record<string, unknown>, []>("PRAGMA foreign_key_check").all();
  return [
    ...integrity
      .map((row) => row.integrity_check)
      .filter((text) => text !== "ok")
      .map((text) => `integrity_check: ${text}`),
    ...foreign.map((row) => `foreign_key_check: ${JSON.stringify(row)}`),
  ];
}

function checkRules(database: Database, afterKill: boolean): string[] {
  return RULES.filter(({ untilNextCommand }) => !(afterKill && untilNextCommand)).flatMap(({ what, breaches }) =>
    select<Record<string, unknown>>(database, { what, sql: breaches }).map(
      (row) => `${what}: ${Object.values(row).join()}`,
    ),
  );
}

/** Rows and disk say the same. After a kill, something on disk may still wait for its row or for being removed. */
function checkOwnership(dataHome: string, afterKill: boolean): string[] {
  return OWNED.flatMap((kind) => {
    const onDisk = new Set(entriesOf(dataHome, kind.glob));
    const { rows, underWay } = withDatabase(dataHome, (database) => rowsOf(database, kind)) ?? {
      rows: [],
      underWay: [],
    };
    const owned = new Set([...rows, ...underWay].map(({ path }) => path));
    const lost = rows.filter(({ path }) => !onDisk.has(path));
    const ownerless = [...onDisk].filter((path) => !owned.has(path));
    const resized = rows.filter(
      ({ path, size }) => size !== undefined && onDisk.has(path) && sizeOf(dataHome, path) !== size,
    );
    return [
      ...lost.map(({ path }) => `${kind.what} with a row but not on disk: ${path}`),
      ...resized.map(({ path }) => `${kind.what} with another size than its row says: ${path}`),
      ...(afterKill ? [] : ownerless.map((path) => `${kind.what} without a row: ${path}`)),
    ];
  });
}

interface OwnedRow {
  path: string;
  size?: number;
}

function rowsOf(database: Database, { what, rows, underWay }: Ownership): { rows: OwnedRow[]; underWay: OwnedRow[] } {
  return {
    rows: select<OwnedRow>(database, { what, sql: rows }),
    underWay: underWay === undefined ? [] : select<OwnedRow>(database, { what, sql: underWay }),
  };
}

function select<Row>(database: Database, { what, sql }: { what: string; sql: string }): Row[] {
  try {
    return database.query<Row, []>(sql).all();
  } catch (error) {
    throw new Error(`test/support/store-layout.ts does not fit the schema (${what})`, { cause: error });
  }
}

function sizeOf(dataHome: string, path: string): number {
  return lstatSync(join(dataHome, path)).size;
}

async function checkHash(path: string): Promise<string[]> {
  const hasher = new Bun.CryptoHasher(HASHED.algorithm);
  for await (const chunk of createReadStream(path)) hasher.update(chunk as Buffer);
  return path.endsWith(`/${hasher.digest("hex")}`) ? [] : [`content is not what its name says: ${path}`];
}
