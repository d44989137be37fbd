// An empty store for tests of the checker itself: the tables and columns that store-layout.ts names, and no more.

import { Database } from "bun:sqlite";
import { join } from "node:path";

const SCHEMA = `
  CREATE TABLE blobs (digest TEXT PRIMARY KEY, size INTEGER, created_at TEXT);
  CREATE TABLE blob_links (kind TEXT, owner TEXT, digest TEXT REFERENCES blobs (digest));
  CREATE TABLE images (id TEXT PRIMARY KEY);
  CREATE TABLE image_references (name TEXT PRIMARY KEY);
  CREATE TABLE layers (map TEXT, name TEXT, PRIMARY KEY (map, name));
  CREATE TABLE image_layers (image_id TEXT REFERENCES images (id), map TEXT, layer TEXT);
  CREATE TABLE containers (id TEXT PRIMARY KEY, state TEXT);
  CREATE TABLE volumes (name TEXT PRIMARY KEY, anonymous INTEGER);
  CREATE TABLE container_volumes (container_id TEXT, volume TEXT);
  CREATE TABLE loose_ends (path TEXT PRIMARY KEY);
`;

export function createStore(dataHome: string): void {
  withStore(dataHome, SCHEMA);
}

export function withStore(dataHome: string, sql: string): void {
  const database = new Database(join(dataHome, "db.sqlite"), { create: true });
  database.run("PRAGMA journal_mode = WAL");
  database.exec(sql);
  database.close();
}
