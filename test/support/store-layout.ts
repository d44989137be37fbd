// What the invariant checker knows of the store's names: tables, columns, folders. Data only; when the schema changes, this
// changes with it. Written from the design, not from the engine's code, so that both would have to be wrong alike.

/** Columns that say when: an operation that failed may have touched them. */
export const TIMESTAMP_COLUMN = /(^|_)(at|time|timestamp|used|updated|seen)$/;

/** Everything that may lie in the data home, and whether it is a folder of things owned by rows. */
export const KNOWN_ENTRIES = [
  /^db\.sqlite(-wal|-shm)?$/,
  /^events\.jsonl(\.\d+)?$/,
  /^(blobs|layers|containers|volumes|partial|staging|trash|lib)$/,
  /^[\w.-]*\.?lock$/,
];

export interface Ownership {
  what: string;
  /** Where such things lie, below the data home. */
  glob: string;
  /** SELECT of the paths, below the data home, that rows say are there. */
  rows: string;
}

/** Things on disk and rows must be the same set. */
export const OWNED: Ownership[] = [
  {
    what: "blob",
    glob: "blobs/*/*",
    rows: "SELECT 'blobs/' || replace(digest, ':', '/') AS path FROM blobs",
  },
  {
    what: "layer",
    glob: "layers/*/*",
    rows: "SELECT 'layers/' || map || '/' || name AS path FROM layers",
  },
  {
    what: "container",
    glob: "containers/*",
    rows: "SELECT 'containers/' || id AS path FROM containers",
  },
  {
    what: "volume",
    glob: "volumes/*",
    rows: "SELECT 'volumes/' || name AS path FROM volumes",
  },
];

/** Files whose name is the hash of their content. */
export const HASHED = { glob: "blobs/sha256/*", algorithm: "sha256" } as const;

/** What every unpacked layer must have in it. */
export const LAYER_PARTS = ["root", "manifest"];

/** Empty unless an operation was killed; then until the next command. */
export const TRANSIENT = ["staging", "trash"];

/** Texts in the store that a secret must never reach. */
export const TEXTS = [
  "events.jsonl*",
  "containers/*/config.json",
  "containers/*/exit.json",
  "containers/*/log*",
  "db.sqlite*",
];
