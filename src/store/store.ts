// The store of one data home: records, blobs and where everything lies. One per process.

import { Blobs } from "./blobs.ts";
import { Containers } from "./containers.ts";
import { Records } from "./database.ts";
import { Garbage } from "./garbage.ts";
import { Images } from "./images.ts";
import { Layers } from "./layers.ts";
import { type Layout, openLayout } from "./layout.ts";
import { Networks } from "./networks.ts";
import { Parts } from "./parts.ts";
import { Reserve } from "./reserve.ts";
import { Volumes } from "./volumes.ts";

const ID_BYTES = 32;

export interface Store {
  readonly layout: Layout;
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly images: Images;
  readonly containers: Containers;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly parts: Parts;
  readonly garbage: Garbage;
  readonly reserve: Reserve;
  /** 64 random hex characters, as docker's ids. */
  newId(): string;
}

/** Opens a data home (`root`, else the user's own) and its runtime directory (below `runroot`), making what is not there. @throws BunkerError store */
export function openStore(options: { root: string | null; runroot: string | null }): Store {
  const layout = openLayout(options, process.env, process.getuid?.() ?? 0);
  const reserve = new Reserve(layout.reserve());
  const records = new Records(layout.database(), reserve);
  const blobs = new Blobs(layout);
  const layers = new Layers(records, layout);
  return {
    layout,
    blobs,
    layers,
    images: new Images(records, blobs, layers),
    containers: new Containers(records),
    volumes: new Volumes(records),
    networks: new Networks(records),
    parts: new Parts(records),
    garbage: new Garbage(records, layout),
    reserve,
    newId,
  };
}

function newId(): string {
  return crypto.getRandomValues(new Uint8Array(ID_BYTES)).toHex();
}
