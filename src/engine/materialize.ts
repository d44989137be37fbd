// An image's layers, unpacked: those that are missing are downloaded and unpacked side by side, by one locked-in worker each, into
// staging. `place` renames everything to where it belongs; what is known of it then is the caller's to record.

import { mkdirSync, renameSync, statfsSync } from "node:fs";
import { BunkerError, expectHostFailure } from "../errors.ts";
import {
  computeChainIds,
  type Digest,
  digestHex,
  type ImageConfig,
  type LayerDescriptor,
  type Manifest,
} from "../image/index.ts";
import type { LayerMap, LayerRecord } from "../store/index.ts";
import { bringLayer } from "./bring-layer.ts";
import type { BlobSource, Download } from "./download.ts";
import type { Engine } from "./engine.ts";
import { throwFirst } from "./failures.ts";
import { fixLayers, linkLayer, type Unpacked } from "./layer-jobs.ts";
import type { LayerStatus, OnPullEvent } from "./pull-event.ts";
import { type LayerClass, layerClass } from "./spec.ts";
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
  within?: LayerClass;
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
  within: LayerClass;
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
  readonly #within: LayerClass;
  readonly #engine: Engine;
  readonly #request: MaterializeRequest;
  readonly #staging: Staging;
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #downloads: Download[] = [];
  /** Entries of other owners than the only id there is. */
  #squashed = 0;
  #parts: Part[] = [];
  #fixes = new Map<number, Part>();

  constructor(engine: Engine, request: MaterializeRequest) {
    this.#engine = engine;
    this.#request = request;
    this.#signal = AbortSignal.any([this.#failed.signal, request.signal]);
    this.#within = request.within ?? layerClass(engine);
    this.#staging = new Staging(engine);
  }

  get map(): LayerMap {
    return this.#within.map;
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
    this.#ensureSpace(missing);
    await this.#inParallel(missing);
    this.#warnOfOwners();
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
      return {
        within: this.#within,
        descriptor,
        diffId,
        chainId,
        directory: layout.layer(this.map, name),
        record,
        staged: false,
      };
    }
    this.#tell(descriptor, "waiting", 0);
    const record: LayerRecord = newRecord(digestHex(diffId), diffId);
    return {
      within: this.#within,
      descriptor,
      diffId,
      chainId,
      directory: `${this.#staging.directory}/${digestHex(diffId)}`,
      record,
      staged: true,
    };
  }

  /** A disk that is too small even for the downloads need not be filled to find out. */
  #ensureSpace(missing: Part[]): void {
    const { layout, blobs } = this.#engine.store;
    const { bavail, bsize } = statfsSync(layout.dataHome);
    const wanted = missing.filter(({ descriptor }) => !blobs.has(descriptor.digest, descriptor.size));
    const size = wanted.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    if (size <= bavail * bsize) return;
    throw new BunkerError("no-space", `no space left: its layers have ${size} bytes, ${bavail * bsize} are free`, {
      hint: "Free some space, or use another data home with --root.",
    });
  }

  #tell(descriptor: LayerDescriptor, status: LayerStatus, current: number, detail = ""): void {
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

  async #bring(part: Part): Promise<void> {
    const { descriptor } = part;
    const unpacked = await bringLayer(this.#engine, part, {
      source: this.#request.source,
      signal: this.#signal,
      onDownload: (download) => this.#downloads.push(download),
      tell: (status, current, detail) => this.#tell(descriptor, status, current, detail),
    });
    this.#take(part, unpacked);
  }

  #take(part: Part, unpacked: Unpacked): void {
    const { descriptor, diffId } = part;
    const { unpackedBytes: size, entries, impliedDirectories: implied, whiteouts, opaqueRoot: opaque } = unpacked;
    const name = unpacked.pendingLinks > 0 ? `chain-${digestHex(part.chainId)}` : part.record.name;
    this.#squashed += unpacked.squashedOwners;
    this.#warnOfDevices(descriptor, unpacked.skippedDevices);
    // Itself, and where it stands in the stack again, maybe compressed in another way.
    for (const twin of this.#parts.filter((each) => each.diffId === diffId && each.staged)) {
      twin.record = { name, diffId, size, entries, implied, whiteouts, opaque };
      this.#tell(twin.descriptor, "done", twin.descriptor.size);
    }
  }

  #warnOfOwners(): void {
    if (this.#squashed === 0) return;
    const message =
      `${this.#squashed} files of other users in the image belong to you here, and programs that change their user will fail: ` +
      "you have no subordinate ids (`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER` gives some)";
    this.#request.onEvent({ kind: "warning", message });
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
    // Going on with them later is worth less now than the space.
    if (isFull(error)) for (const download of this.#downloads) download.discard();
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

function isFull(reason: unknown): boolean {
  const known = expectHostFailure(reason);
  return known instanceof BunkerError && known.code === "no-space";
}
