// What the invariant checker knows of the store's names: tables, columns, folders. Data only; when the schema changes, this
// changes with it. Written from the design, not from the engine's code, so that both would have to be wrong alike.

/** Columns that say when: an operation that failed may have touched them. */
export const TIMESTAMP_COLUMN = /(^|_)(at|time|timestamp|used|updated|seen)$/;

/** Everything that may lie in the data home, and whether it is a folder of things owned by rows. */
export const KNOWN_ENTRIES = [
  /^db\.sqlite(-wal|-shm)?$/,
  /^events\.jsonl(\.\d+)?$/,
  /^(blobs|layers|containers|volumes|partial|staging|trash|lib|mount-points|run|reserve|storage)$/,
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

/** Of containers that are being made, or that remove themselves. */
const CREATING_VOLUMES =
  "SELECT volume FROM container_volumes JOIN containers ON containers.id = container_id WHERE state = 'creating'";

/** Things on disk and rows must be the same set. */
export const OWNED: Ownership[] = [
  {
    what: "blob",
    glob: "blobs/*/*",
    rows: "SELECT 'blobs/' || replace(digest, ':', '/') AS path, size FROM blobs",
    underWay: "SELECT path FROM loose_ends",
  },
  {
    what: "layer",
    glob: "layers/*/*",
    rows: "SELECT 'layers/' || map || '/' || name AS path FROM layers",
    underWay: "SELECT path FROM loose_ends",
  },
  {
    what: "container",
    glob: "containers/*",
    rows: "SELECT 'containers/' || id AS path FROM containers WHERE state <> 'creating'",
    underWay:
      "SELECT path FROM loose_ends UNION SELECT 'containers/' || id AS path FROM containers WHERE state = 'creating'",
  },
  {
    what: "volume",
    glob: "volumes/*",
    rows: `SELECT 'volumes/' || name AS path FROM volumes
           WHERE NOT (anonymous AND name IN (${CREATING_VOLUMES}))`,
    underWay: `SELECT path FROM loose_ends UNION SELECT 'volumes/' || volume AS path FROM (${CREATING_VOLUMES})`,
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
    breaches: "SELECT id FROM containers WHERE state IN ('creating', 'starting')",
    untilNextCommand: true,
  },
  {
    what: "path that was to be made or removed",
    breaches: "SELECT path FROM loose_ends",
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

/** Below the data home, where the engine's runtime directory is: what may stay, and where things of single containers lie. */
export const RUNTIME_STAYS = /^run\/(c|u|u\.lock|swept)$/;
export const RUNTIME_ENTRIES = ["run/*", "run/c/*"];
