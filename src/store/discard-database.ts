// Giving up a database that cannot be read any more, with all that it spoke of. Only for `system reset`.

import { closeSync, openSync, readSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { APPLICATION_ID } from "./open-database.ts";
import type { Layout } from "./layout.ts";
import type { Trash } from "./trash.ts";

/** What holds data; the database comes after them, as without it they would be nobody's. */
const FOLDERS = ["containers", "volumes", "layers", "blobs", "partial", "staging", "mount-points"];
const DATABASE = ["db.sqlite-wal", "db.sqlite-shm", "db.sqlite"];
/** The database header (SQLite file format, 1.3): how it begins, and where the application id stands in it. */
const MAGIC = "SQLite format 3\0";
const HEADER_LENGTH = 100;
const APPLICATION_ID_OFFSET = 68;

/** Moves everything to the trash. A crash in the middle leaves the rest for the next reset. @throws BunkerError store for another program's */
export function discardDatabase(layout: Layout, trash: Trash): void {
  ensureOurs(layout.database());
  for (const name of [...FOLDERS, ...DATABASE]) trash.add(`${layout.dataHome}/${name}`);
}

function ensureOurs(path: string): void {
  const header = readHeader(path);
  if (!header.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC))) return;
  const owner = header.readUInt32BE(APPLICATION_ID_OFFSET);
  // 0: nobody has said whose it is, and it lies where ours does.
  if (owner === APPLICATION_ID || owner === 0) return;
  throw new BunkerError("store", "the data home's db.sqlite is another program's database", {
    hint: "Nothing was removed. Use another data home with --root.",
  });
}

/** Zeros where there is less. */
function readHeader(path: string): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  try {
    const fd = openSync(path, "r");
    try {
      readSync(fd, header, 0, HEADER_LENGTH, 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Not there: what lies beside it is to go all the same.
  }
  return header;
}
