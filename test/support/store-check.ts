// I3: whether a store is valid, whatever happened to it. Returns problems as lines; an empty list is a valid store.

import type { Database } from "bun:sqlite";
import { createReadStream, lstatSync } from "node:fs";
import { join } from "node:path";

import { entriesOf, listing, withDatabase } from "./store-dump.ts";
import { HASHED, KNOWN_ENTRIES, LAYER_PARTS, OWNED, type Ownership, TRANSIENT } from "./store-layout.ts";

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
  problems.push(...(withDatabase(dataHome, checkDatabase) ?? []));
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

/** Rows and disk say the same. After a kill, something on disk may still wait for its row or for being removed. */
function checkOwnership(dataHome: string, afterKill: boolean): string[] {
  return OWNED.flatMap((kind) => {
    const onDisk = new Set(entriesOf(dataHome, kind.glob));
    const inRows = new Set(withDatabase(dataHome, (database) => pathsOf(database, kind)) ?? []);
    const lost = [...inRows]
      .filter((path) => !onDisk.has(path))
      .map((path) => `${kind.what} with a row but not on disk: ${path}`);
    const ownerless = [...onDisk]
      .filter((path) => !inRows.has(path))
      .map((path) => `${kind.what} without a row: ${path}`);
    return afterKill ? lost : [...lost, ...ownerless];
  });
}

function pathsOf(database: Database, { what, rows }: Ownership): string[] {
  try {
    return database
      .query<{ path: string }, []>(rows)
      .all()
      .map(({ path }) => path);
  } catch (error) {
    throw new Error(`test/support/store-layout.ts does not fit the schema (${what})`, { cause: error });
  }
}

async function checkHash(path: string): Promise<string[]> {
  const hasher = new Bun.CryptoHasher(HASHED.algorithm);
  for await (const chunk of createReadStream(path)) hasher.update(chunk as Buffer);
  return path.endsWith(`/${hasher.digest("hex")}`) ? [] : [`content is not what its name says: ${path}`];
}
