// The tables, and how an older database becomes a newer one. Every version has one step; a step is never changed afterwards.

/** Step n takes a database from version n to n + 1. */
export const MIGRATIONS: readonly string[] = [
  `
  -- Content exactly as a registry gave it; the file is blobs/sha256/<hex>.
  CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Who needs a blob; without a link it is collected. kind: image (owner: its id), reference (owner: its name).
  CREATE TABLE blob_links (
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES blobs (digest),
    PRIMARY KEY (kind, owner, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX blob_links_by_digest ON blob_links (digest);

  -- id: the config's digest. config: what src/image/config.ts read from it; its bytes are a blob. size: unpacked, all layers.
  CREATE TABLE images (
    id TEXT PRIMARY KEY,
    manifest TEXT NOT NULL REFERENCES blobs (digest),
    config TEXT NOT NULL,
    created_at TEXT,
    size INTEGER NOT NULL,
    pulled_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- name: docker.io/library/nginx:1.27, or …@sha256:…; digest: the root descriptor as served, a manifest's or an index's.
  CREATE TABLE image_references (
    name TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id),
    digest TEXT NOT NULL REFERENCES blobs (digest),
    updated_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_references_by_image ON image_references (image_id);

  -- An unpacked layer; its directory is layers/<map>/<name>. implied: directories its archive only implied. whiteouts:
  -- those in its root aside. opaque: it hides all layers below, which overlay cannot see in a root.
  CREATE TABLE layers (
    map TEXT NOT NULL,
    name TEXT NOT NULL,
    diff_id TEXT,
    size INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    implied INTEGER NOT NULL,
    whiteouts INTEGER NOT NULL,
    opaque INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (map, name)
  ) STRICT, WITHOUT ROWID;

  -- An image's stack, bottom first.
  CREATE TABLE image_layers (
    image_id TEXT NOT NULL REFERENCES images (id),
    map TEXT NOT NULL,
    position INTEGER NOT NULL,
    layer TEXT NOT NULL,
    PRIMARY KEY (image_id, map, position),
    FOREIGN KEY (map, layer) REFERENCES layers (map, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_layers_by_layer ON image_layers (map, layer);

  -- state: creating, created, starting, started, ended. config: src/container/config.ts; exit: the keeper's record, when ended.
  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT NOT NULL REFERENCES images (id),
    image_name TEXT NOT NULL,
    state TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    config TEXT NOT NULL,
    exit TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX containers_by_state ON containers (state);
  CREATE INDEX containers_by_image ON containers (image_id);

  CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    anonymous INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    labels TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE container_volumes (
    container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    volume TEXT NOT NULL REFERENCES volumes (name),
    target TEXT NOT NULL,
    PRIMARY KEY (container_id, target)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX container_volumes_by_volume ON container_volumes (volume);

  -- What is being removed: paths below the data home whose row has gone. Removed, unless another row owns them by then.
  CREATE TABLE loose_ends (path TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
  `
  -- A container may be made from a directory (--rootfs): it has no image. Both tables are made anew, as dropping the one would take
  -- the rows of the other with it.
  CREATE TABLE containers_2 (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT REFERENCES images (id),
    image_name TEXT NOT NULL,
    state TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    config TEXT NOT NULL,
    exit TEXT
  ) STRICT, WITHOUT ROWID;
  INSERT INTO containers_2 SELECT id, name, image_id, image_name, state, generation, created_at, config, exit FROM containers;

  CREATE TABLE container_volumes_2 (
    container_id TEXT NOT NULL REFERENCES containers_2 (id) ON DELETE CASCADE,
    volume TEXT NOT NULL REFERENCES volumes (name),
    target TEXT NOT NULL,
    PRIMARY KEY (container_id, target)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO container_volumes_2 SELECT container_id, volume, target FROM container_volumes;

  DROP TABLE container_volumes;
  DROP TABLE containers;
  ALTER TABLE containers_2 RENAME TO containers;
  ALTER TABLE container_volumes_2 RENAME TO container_volumes;
  CREATE INDEX containers_by_state ON containers (state);
  CREATE INDEX containers_by_image ON containers (image_id);
  CREATE INDEX container_volumes_by_volume ON container_volumes (volume);
  `,
  `
  -- Ids of the user's namespace that no other container may have (--userns auto). Those who share one's user namespace share its lease.
  CREATE TABLE id_leases (
    container_id TEXT PRIMARY KEY REFERENCES containers (id) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    size INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- A network of the user's. config: src/network/network.ts.
  CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    config TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- A container's place on a network, which may have been removed meanwhile: then it cannot start. Addresses are leased at its
  -- first start, or when asked for; whoever needs one may take that of a container at rest. config: EndpointConfig.
  CREATE TABLE endpoints (
    container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    network_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    address4 TEXT,
    address6 TEXT,
    config TEXT NOT NULL,
    PRIMARY KEY (container_id, network_id)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX endpoints_by_address4 ON endpoints (network_id, address4);
  CREATE UNIQUE INDEX endpoints_by_address6 ON endpoints (network_id, address6);

  -- Published ports of a container's last start. Of one that does not run they mean nothing. host_address: empty is all.
  CREATE TABLE ports (
    container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    protocol TEXT NOT NULL,
    host_address TEXT NOT NULL,
    host_port INTEGER NOT NULL,
    container_port INTEGER NOT NULL,
    PRIMARY KEY (protocol, host_port, host_address, container_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX ports_by_container ON ports (container_id);
  `,
];
