// An image's layers, unpacked: those that are missing are downloaded and unpacked side by side, by one locked-in worker each, into
// staging. `place` renames everything to where it belongs; what is known of it then is the caller's to record.

import { closeSync, mkdirSync, openSync, renameSync } from "node:fs";
import { BunkerError, expectHostFailure } from "../errors.ts";
import {
  computeChainIds,
  type Digest,
  digestHex,
  type ImageConfig,
  type LayerDescriptor,
  type Manifest,
} from "../image/index.ts";
import { addToCounter, closeFd, makeCounter } from "../native/index.ts";
import type { LayerMap, LayerRecord } from "../store/index.ts";
import { type BlobSource, Download } from "./download.ts";
import type { Engine } from "./engine.ts";
import { fixLayers, linkLayer, type Unpacked, unpackLayer } from "./layer-jobs.ts";
import type { LayerStatus, OnPullEvent } from "./pull-event.ts";
import { layerMap } from "./spec.ts";
import { Staging } from "./staging.ts";

/** docker's number of downloads at once. */
const PARALLEL_LAYERS = 3;
const PRIVATE = 0o700;
const SHORT_DIGEST = 12;

export interface MaterializeRequest {
  manifest: Manifest;
  config: ImageConfig;
  /** Where blobs come from that are not here; `null`: all of them must be. */
  source: BlobSource | null;
  onEvent: OnPullEvent;
  signal: AbortSignal;
}

/** The layers of an image, ready to be put in place. */
export interface Layers {
  map: LayerMap;
  /** Bottom first, fixes included. */
  records: LayerRecord[];
  /** Those whose compressed form is here, or will be. */
  blobs: LayerDescriptor[];
  /** Puts a document beside them, to go into the store with them. @returns its path */
  stage(digest: Digest, bytes: Uint8Array): string;
  /** Whether what was in the store when we looked is still there. */
  isWhole(): boolean;
  /** Renames everything into place. */
  place(): void;
  /** Gives locks and staging back; to be called whatever happened. `error`: why it came to nothing. */
  release(error?: unknown): void;
}

/** One layer of the stack. */
interface Part {
  descriptor: LayerDescriptor;
  diffId: Digest;
  chainId: Digest;
  /** Where its directory is now: in the store, or in staging. */
  directory: string;
  record: LayerRecord;
  /** In staging: to be renamed. */
  staged: boolean;
}

/** Downloads and unpacks what is missing. @throws BunkerError; nothing but resumable downloads is left then */
export async function materialize(engine: Engine, request: MaterializeRequest): Promise<Layers> {
  const work = new Work(engine, request);
  try {
    await work.run();
    return work;
  } catch (error) {
    work.release(error);
    throw error;
  }
}

class Work implements Layers {
  readonly map: LayerMap;
  readonly #engine: Engine;
  readonly #request: MaterializeRequest;
  readonly #staging: Staging;
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #downloads: Download[] = [];
  readonly #finished = new Set<Digest>();
  #parts: Part[] = [];
  #fixes = new Map<number, Part>();

  constructor(engine: Engine, request: MaterializeRequest) {
    this.#engine = engine;
    this.#request = request;
    this.#signal = AbortSignal.any([this.#failed.signal, request.signal]);
    this.map = layerMap(engine);
    this.#staging = new Staging(engine);
  }

  get records(): LayerRecord[] {
    return this.#stack().map((part) => part.record);
  }

  get blobs(): LayerDescriptor[] {
    const { blobs } = this.#engine.store;
    const coming = new Set(this.#downloads.map(({ digest }) => digest));
    return this.#request.manifest.layers.filter(({ digest, size }) => coming.has(digest) || blobs.has(digest, size));
  }

  /** Bottom first: each layer, and above it its fix if it needs one. */
  #stack(): Part[] {
    return this.#parts.flatMap((part, index) => {
      const fix = this.#fixes.get(index);
      return fix === undefined ? [part] : [part, fix];
    });
  }

  async run(): Promise<void> {
    const { manifest, config } = this.#request;
    const chainIds = computeChainIds(config.diffIds);
    this.#parts = manifest.layers.map((descriptor, index) =>
      this.#plan(descriptor, config.diffIds[index] as Digest, chainIds[index] as Digest),
    );
    // The same layer twice in one image is unpacked once.
    const missing = [...new Map(this.#parts.filter((part) => part.staged).map((part) => [part.diffId, part])).values()];
    await this.#inParallel(missing);
    await this.#linkAll();
    await this.#fixAll();
  }

  #plan(descriptor: LayerDescriptor, diffId: Digest, chainId: Digest): Part {
    const { layers, layout } = this.#engine.store;
    const names = [digestHex(diffId), `chain-${digestHex(chainId)}`];
    const here = layers.find(this.map, names);
    const name = names.find((candidate) => here.has(candidate));
    if (name !== undefined) {
      this.#tell(descriptor, "exists", descriptor.size);
      const record = here.get(name) as LayerRecord;
      return { descriptor, diffId, chainId, directory: layout.layer(this.map, name), record, staged: false };
    }
    this.#tell(descriptor, "waiting", 0);
    const record: LayerRecord = newRecord(digestHex(diffId), diffId);
    return {
      descriptor,
      diffId,
      chainId,
      directory: `${this.#staging.directory}/${digestHex(diffId)}`,
      record,
      staged: true,
    };
  }

  /** Nothing more is told of a layer that is done: its last bytes may be heard of after the worker's answer. */
  #tell(descriptor: LayerDescriptor, status: LayerStatus, current: number, detail = ""): void {
    if (this.#finished.has(descriptor.digest)) return;
    if (status === "done") this.#finished.add(descriptor.digest);
    const digest = digestHex(descriptor.digest).slice(0, SHORT_DIGEST);
    this.#request.onEvent({ kind: "layer", digest, status, current, total: descriptor.size, detail });
  }

  async #inParallel(parts: Part[]): Promise<void> {
    const queue = [...parts];
    const next = async (): Promise<void> => {
      for (let part = queue.shift(); part !== undefined; part = queue.shift()) await this.#bring(part);
    };
    const lanes = Array.from({ length: PARALLEL_LAYERS }, next);
    // The first failure ends the others; it is reported when none of them touches anything any more.
    const stopping = lanes.map((lane) =>
      lane.catch((error: unknown) => {
        queue.length = 0;
        this.#failed.abort();
        throw error;
      }),
    );
    throwFirst(await Promise.allSettled(stopping));
  }

  /** Downloads and unpacks one layer, at the same time. */
  async #bring(part: Part): Promise<void> {
    mkdirSync(`${part.directory}/root`, { recursive: true, mode: 0o755 });
    if (!this.#isKept(part.descriptor)) await this.#downloadAndUnpack(part);
    else await this.#unpackKept(part);
  }

  #isKept({ digest, size }: LayerDescriptor): boolean {
    return this.#engine.store.blobs.has(digest, size);
  }

  async #unpackKept(part: Part): Promise<void> {
    const { digest, size } = part.descriptor;
    const file = openSync(this.#engine.store.layout.blob(digest), "r");
    const counter = makeCounter();
    try {
      if (size > 0) addToCounter(counter, size);
      this.#tell(part.descriptor, "unpacking", size);
      await this.#unpack(part, [file, counter], this.#signal);
    } finally {
      closeSync(file);
      closeFd(counter);
    }
  }

  async #downloadAndUnpack(part: Part): Promise<void> {
    const { source } = this.#request;
    const { descriptor } = part;
    if (source === null) {
      throw new BunkerError("store", `layer "${descriptor.digest}" is missing from the store`, {
        hint: "Pull the image again.",
      });
    }
    const download = await Download.begin(this.#engine.store.layout, descriptor, this.#signal);
    if (this.#isKept(descriptor)) {
      // Whoever had the lock has finished.
      if (download.isEmpty) download.discard();
      download.release();
      return this.#unpackKept(part);
    }
    this.#downloads.push(download);
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const unpacking = this.#unpack(part, [download.fd, download.counter], signal);
    const progress = {
      onBytes: (current: number) => this.#tell(descriptor, "downloading", current),
      onRetry: (reason: string) => this.#tell(descriptor, "retrying", 0, reason),
    };
    const fetching = download.complete(source, progress, signal);
    // Whichever fails first ends the other.
    const both = [unpacking, fetching.then(() => this.#tell(descriptor, "unpacking", descriptor.size))] as const;
    for (const one of both) one.catch(() => stop.abort());
    const outcomes = await Promise.allSettled(both);
    if (outcomes[0].status === "rejected" && isBadContent(outcomes[0].reason)) download.discard();
    throwFirst(outcomes);
  }

  async #unpack(part: Part, fds: number[], signal: AbortSignal): Promise<void> {
    this.#take(part, await unpackLayer(this.#engine, part, { fds, signal }));
  }

  #take(part: Part, unpacked: Unpacked): void {
    const { descriptor, diffId } = part;
    const { unpackedBytes: size, entries, impliedDirectories: implied, whiteouts, opaqueRoot: opaque } = unpacked;
    const name = unpacked.pendingLinks > 0 ? `chain-${digestHex(part.chainId)}` : part.record.name;
    part.record = { name, diffId, size, entries, implied, whiteouts, opaque };
    this.#warnOfDevices(descriptor, unpacked.skippedDevices);
    this.#tell(descriptor, "done", descriptor.size);
    for (const twin of this.#parts) if (twin.diffId === diffId && twin.staged) twin.record = part.record;
  }

  #warnOfDevices(descriptor: LayerDescriptor, count: number): void {
    if (count === 0) return;
    const digest = digestHex(descriptor.digest).slice(0, SHORT_DIGEST);
    const message = `layer ${digest}: ${count} device node${count === 1 ? " was" : "s were"} left out: no container could use them`;
    this.#request.onEvent({ kind: "warning", message });
  }

  /** Hard links into lower layers, from the bottom up: a link may lead to what a link has just made. */
  async #linkAll(): Promise<void> {
    for (const [index, part] of this.#parts.entries()) {
      if (!part.staged || !part.record.name.startsWith("chain-")) continue;
      await linkLayer(this.#engine, part, this.#parts.slice(0, index));
    }
  }

  /** Directories that a layer alone cannot get right: implied ones, and those with whiteouts of nothing. */
  async #fixAll(): Promise<void> {
    const mayNeed = ({ record }: Part, index: number): boolean =>
      record.whiteouts > 0 || (index > 0 && record.implied > 0);
    if (!this.#parts.some(mayNeed)) return;
    const target = `${this.#staging.directory}/fixes`;
    mkdirSync(target, { mode: PRIVATE });
    const fixes = await fixLayers(this.#engine, this.#parts, target);
    for (const index of fixes) this.#fixes.set(index, this.#fixPart(index, `${target}/${index}`));
  }

  #fixPart(index: number, directory: string): Part {
    const below = this.#parts[index] as Part;
    const record = newRecord(`fix-${digestHex(below.chainId)}`, null);
    return { ...below, directory, record, staged: true };
  }

  stage(digest: Digest, bytes: Uint8Array): string {
    return this.#staging.write(`blob-${digestHex(digest)}`, bytes);
  }

  isWhole(): boolean {
    const { layers } = this.#engine.store;
    return this.#parts.every((part) => part.staged || layers.isOnDisk(this.map, part.record.name));
  }

  place(): void {
    const { layout, blobs } = this.#engine.store;
    for (const part of this.#stack()) {
      if (part.staged) move(part.directory, layout.layer(this.map, part.record.name));
    }
    for (const download of this.#downloads) download.settle(blobs);
  }

  release(error?: unknown): void {
    for (const download of this.#downloads) {
      // Going on with it later is worth less now than the space.
      if (isFull(error)) download.discard();
      download.release();
    }
    this.#staging.release();
  }
}

function newRecord(name: string, diffId: Digest | null): LayerRecord {
  return { name, diffId, size: 0, entries: 0, implied: 0, whiteouts: 0, opaque: false };
}

/** Somebody else may have been quicker, or a layer may stand in the stack twice: what is there is as good as ours. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
  }
}

/** Of several failures the first that is not only the others' doing. */
function throwFirst(outcomes: readonly PromiseSettledResult<void>[]): void {
  const failures = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason as unknown);
  if (failures.length > 0) throw failures.find((reason) => !isCancelled(reason)) ?? failures[0];
}

function isCancelled(reason: unknown): boolean {
  return (
    (reason instanceof BunkerError && reason.code === "cancelled") ||
    (reason instanceof Error && reason.name === "AbortError")
  );
}

function isFull(reason: unknown): boolean {
  const known = expectHostFailure(reason);
  return known instanceof BunkerError && known.code === "no-space";
}

/** Downloaded bytes that would be just as wrong the next time. */
function isBadContent(reason: unknown): boolean {
  return reason instanceof BunkerError && (reason.code === "digest-mismatch" || reason.code === "bad-archive");
}
