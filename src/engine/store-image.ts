// An image on its way into the store, wherever it comes from: its layers are unpacked, then files and rows are put in place at
// once. What fails or dies before that leaves the store as it was, plus downloads that can be resumed.

import { existsSync, mkdirSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { type Digest, type ImageConfig, type Manifest, parseManifestDocument } from "../image/index.ts";
import { makeTree, syncDirectory, syncFilesystem } from "../native/index.ts";
import { type ImageRecord, type Layout, type NewImage, Trash } from "../store/index.ts";
import type { BlobSource } from "./download.ts";
import type { Engine } from "./engine.ts";
import { HeldLock } from "./held-lock.ts";
import { type Layers, materialize } from "./materialize.ts";
import type { OnPullEvent } from "./pull-event.ts";
import { type LayerClass, layerMap } from "./spec.ts";
import { emptyTrash } from "./worker.ts";

/** Other commands may remove what we have just counted on, but not again and again. */
const TRIES = 3;
const PRIVATE = 0o700;
const MOUNT_DIRECTORIES = ["dev", "etc", "proc", "run", "sys"];
const MOUNT_FILES = ["etc/hosts", "etc/hostname", "etc/resolv.conf", "run/.containerenv"];

export interface IncomingImage {
  /** The config's digest. */
  id: Digest;
  manifest: Manifest;
  manifestDigest: Digest;
  config: ImageConfig;
  /** Manifest, config and what led to them, to be kept as blobs. Their digests were checked. */
  documents: { digest: Digest; bytes: Uint8Array }[];
  /** The name it gets. */
  reference: { name: string; digest: Digest } | null;
}

export interface Incoming {
  /** Where layers come from that are not here; `null`: all of them must be. */
  source: BlobSource | null;
  onEvent: OnPullEvent;
  signal: AbortSignal;
  /** For which class of id mapping it is unpacked; this user's own where it is not said. */
  within?: LayerClass;
}

/** Brings an image into the store. @throws BunkerError; nothing but resumable downloads is left then */
export async function storeImage(engine: Engine, image: IncomingImage, incoming: Incoming): Promise<void> {
  const { layout, reserve } = engine.store;
  for (const directory of [
    "staging",
    "trash",
    "partial",
    "blobs/sha256",
    `layers/${incoming.within?.map ?? layerMap(engine)}`,
  ]) {
    mkdirSync(`${layout.dataHome}/${directory}`, { recursive: true, mode: PRIVATE });
  }
  await ensureMountPoints(layout, incoming.signal);
  // From the first image on there is something to delete when the disk is full.
  reserve.take();
  // Of several who pull the same image one works; the others then find everything here.
  const lock = await HeldLock.take(`${layout.partial(image.manifestDigest)}.lock`, incoming.signal);
  try {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      if (await tryToStore(engine, image, incoming)) return;
    }
  } finally {
    lock.release();
  }
  throw new BunkerError("conflict", "other commands keep removing what this image is made of", {
    hint: "Try again when they have finished.",
  });
}

/**
 * Where every container has something mounted. What an image has at these places lies above it. Made once: containers that run have
 * it mounted.
 */
async function ensureMountPoints(layout: Layout, signal: AbortSignal): Promise<void> {
  const place = layout.mountPoints();
  const isMade = (): boolean => existsSync(`${place}/${MOUNT_FILES.at(-1)}`);
  if (isMade()) return;
  const lock = await HeldLock.take(`${place}.lock`, signal);
  try {
    if (isMade()) return;
    makeTree(place, [
      ...MOUNT_DIRECTORIES.map((path) => ({ path, mode: 0o755 })),
      ...MOUNT_FILES.map((path) => ({ path, mode: 0o644, content: "" })),
    ]);
  } finally {
    lock.release();
  }
}

async function tryToStore(engine: Engine, image: IncomingImage, incoming: Incoming): Promise<boolean> {
  const { store } = engine;
  const layers = await materialize(engine, { manifest: image.manifest, config: image.config, ...incoming });
  let done = false;
  let failure: unknown;
  try {
    const files = image.documents.map(({ digest, bytes }) => ({ digest, path: layers.stage(digest, bytes) }));
    // One sync for all of it: data before names.
    syncFilesystem(store.layout.dataHome);
    const place = (): boolean => layers.isWhole() && placeAll(engine, layers, files);
    done = store.images.commit(recordOf(image, layers), image.reference, place);
    return done;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    try {
      if (!done) sweepOrphans(engine);
    } finally {
      layers.release(failure);
    }
  }
}

/** Files that were put in place for nothing. */
function sweepOrphans(engine: Engine): void {
  const trash = new Trash(engine.store.layout);
  engine.store.garbage.sweepOrphans(trash);
  emptyTrash(engine, trash);
}

function placeAll(engine: Engine, layers: Layers, documents: { digest: Digest; path: string }[]): true {
  const { blobs, layout } = engine.store;
  layers.place();
  for (const { digest, path } of documents) blobs.adopt(digest, path);
  syncDirectory(layout.layers(layers.map));
  syncDirectory(`${layout.dataHome}/blobs/sha256`);
  return true;
}

function recordOf(image: IncomingImage, layers: Layers): NewImage {
  const { id, manifestDigest, config, documents } = image;
  return {
    id,
    manifest: manifestDigest,
    config,
    createdAt: config.created,
    blobs: [...documents.map(({ digest, bytes }) => ({ digest, size: bytes.byteLength })), ...layers.blobs],
    map: layers.map,
    layers: layers.records,
  };
}

/** Unpacks an image that is here for another class of id mapping. */
export async function unpackKept(
  engine: Engine,
  image: ImageRecord,
  { within, onEvent }: { within: LayerClass; onEvent: OnPullEvent },
): Promise<void> {
  const { blobs } = engine.store;
  const [manifestBytes, configBytes] = [blobs.read(image.manifest), blobs.read(image.id)];
  const manifest = parseManifestDocument(manifestBytes, `manifest of image "${image.id}"`);
  if (manifest.kind !== "manifest") throw new BunkerError("store", `image "${image.id}" has no manifest`);
  const kept: IncomingImage = {
    id: image.id,
    manifest,
    manifestDigest: image.manifest,
    config: image.config,
    documents: [
      { digest: image.manifest, bytes: manifestBytes },
      { digest: image.id, bytes: configBytes },
    ],
    reference: null,
  };
  await storeImage(engine, kept, { source: null, onEvent, signal: new AbortController().signal, within });
}
