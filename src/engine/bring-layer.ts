// One layer on its way into staging: downloaded and unpacked at the same time, or unpacked from the blob that is here.

import { closeSync, mkdirSync, openSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import type { LayerDescriptor } from "../image/index.ts";
import { addToCounter, closeFd, makeCounter } from "../native/index.ts";
import { type BlobSource, Download } from "./download.ts";
import type { Engine } from "./engine.ts";
import { throwFirst } from "./failures.ts";
import { type PlacedLayer, type Unpacked, unpackLayer } from "./layer-jobs.ts";
import type { LayerStatus } from "./pull-event.ts";

export interface Bringing {
  /** Where its blob comes from if it is not here; `null`: it must be. */
  source: BlobSource | null;
  signal: AbortSignal;
  /** The file is the caller's, to be settled or discarded. */
  onDownload: (download: Download) => void;
  tell: (status: LayerStatus, current: number, detail?: string) => void;
}

/** Makes `root` and `manifest` in the layer's directory. */
export async function bringLayer(engine: Engine, layer: PlacedLayer, how: Bringing): Promise<Unpacked> {
  const { descriptor, directory } = layer;
  mkdirSync(`${directory}/root`, { recursive: true, mode: 0o755 });
  if (isKept(engine, descriptor)) return unpackKept(engine, layer, how);
  if (how.source === null) {
    throw new BunkerError("store", `layer "${descriptor.digest}" is missing from the store`, {
      hint: "Pull the image again.",
    });
  }
  const download = await Download.begin(engine.store.layout, descriptor, how.signal);
  try {
    if (!isKept(engine, descriptor))
      return await downloadAndUnpack(engine, layer, { ...how, source: how.source, download });
  } finally {
    download.release();
  }
  // Whoever had the lock has finished.
  if (download.isEmpty) download.discard();
  return unpackKept(engine, layer, how);
}

function isKept(engine: Engine, { digest, size }: LayerDescriptor): boolean {
  return engine.store.blobs.has(digest, size);
}

async function unpackKept(engine: Engine, layer: PlacedLayer, { signal, tell }: Bringing): Promise<Unpacked> {
  const { digest, size } = layer.descriptor;
  const file = openSync(engine.store.layout.blob(digest), "r");
  const counter = makeCounter();
  try {
    if (size > 0) addToCounter(counter, size);
    tell("unpacking", size);
    return await unpackLayer(engine, layer, { fds: [file, counter], signal });
  } finally {
    closeSync(file);
    closeFd(counter);
  }
}

async function downloadAndUnpack(
  engine: Engine,
  layer: PlacedLayer,
  { source, signal: outer, onDownload, tell, download }: Bringing & { source: BlobSource; download: Download },
): Promise<Unpacked> {
  onDownload(download);
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
  const unpacking = unpackLayer(engine, layer, { fds: [download.fd, download.counter], signal });
  const progress = {
    onBytes: (current: number) => tell("downloading", current),
    onRetry: (reason: string) => tell("retrying", 0, reason),
  };
  const fetching = download.complete(source, progress, signal);
  // Whichever fails first ends the other.
  const both = [unpacking, fetching.then(() => tell("unpacking", layer.descriptor.size))] as const;
  for (const one of both) one.catch(() => stop.abort());
  const outcomes = await Promise.allSettled(both);
  if (outcomes[0].status === "rejected" && isBadContent(outcomes[0].reason)) download.discard();
  throwFirst(outcomes);
  return unpacking;
}

/** Downloaded bytes that would be just as wrong the next time. */
function isBadContent(reason: unknown): boolean {
  return reason instanceof BunkerError && (reason.code === "digest-mismatch" || reason.code === "bad-archive");
}
