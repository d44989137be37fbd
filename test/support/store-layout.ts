// What the invariant checker knows of the store's names: tables, columns, folders. Data only; when the schema changes, this
// changes with it. Written from the design, not from the engine's code, so that both would have to be wrong alike.

/** Columns that say when: an operation that failed may have touched them. */
export const TIMESTAMP_COLUMN = /(^|_)(at|time|timestamp|used|updated|seen)$/;

/** Everything that may lie in the data home, and whether it is a folder of things owned by rows. */
export const KNOWN_ENTRIES = [
  /^db\.sqlite(-wal|-shm)?$/,
  /^events\.jsonl(\.\d+)?$/,
  /^(blobs|layers|containers|volumes|partial|staging|trash|lib|mount-points)$/,
  /^[\w.-]*\.?lock$/,
];

export interface Ownership {
  what: string;
  /** Where such things lie, below the data home. */
  glob: string;
  /** SELECT of the paths, below the data home, that rows say are there; where `size` is selected too, it is the file's. */
  rows: string;
  /** SELECT of the paths that an operation under way is making or removing: there or not. */
  underWay?: string;
}

/** Things on disk and rows must be the same set. */
export const OWNED: Ownership[] = [
  {
    what: "blob",
    glob: "blobs/*/*",
    rows: "SELECT 'blobs/' || replace(digest, ':', '/') AS path, size FROM blobs",
  },
  {
    what: "layer",
    glob: "layers/*/*",
    rows: "SELECT 'layers/' || map || '/' || name AS path FROM layers",
  },
  {
    what: "container",
    glob: "containers/*",
    rows: "SELECT 'containers/' || id AS path FROM containers WHERE state NOT IN ('creating', 'removing')",
    underWay: "SELECT 'containers/' || id AS path FROM containers WHERE state IN ('creating', 'removing')",
  },
  {
    what: "volume",
    glob: "volumes/*",
    rows: "SELECT 'volumes/' || name AS path FROM volumes",
  },
];

export interface Rule {
  what: string;
  /** SELECT of one column: what breaks the rule. */
  breaches: string;
  /** May be broken between a kill and the next command. */
  untilNextCommand: boolean;
}

export const RULES: Rule[] = [
  {
    what: "container that is neither made nor gone",
    breaches: "SELECT id FROM containers WHERE state IN ('creating', 'removing')",
    untilNextCommand: true,
  },
  {
    what: "blob that nothing needs",
    breaches: "SELECT digest FROM blobs WHERE digest NOT IN (SELECT digest FROM blob_links)",
    untilNextCommand: true,
  },
  {
    what: "layer that no image has",
    breaches: "SELECT name FROM layers WHERE (map, name) NOT IN (SELECT map, layer FROM image_layers)",
    untilNextCommand: true,
  },
  {
    what: "blob needed by an image that is not there",
    breaches: "SELECT digest FROM blob_links WHERE kind = 'image' AND owner NOT IN (SELECT id FROM images)",
    untilNextCommand: false,
  },
  {
    what: "blob needed by a name that is not there",
    breaches:
      "SELECT digest FROM blob_links WHERE kind = 'reference' AND owner NOT IN (SELECT name FROM image_references)",
    untilNextCommand: false,
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

/** Below the engine's folder in the runtime directory: what may stay, and where things of single containers lie. */
export const RUNTIME_STAYS = /^[0-9a-f]+\/(c|u|u\.lock)$/;
export const RUNTIME_ENTRIES = ["*/*", "*/c/*"];
