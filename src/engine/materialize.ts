// An image's layers, unpacked: those that are missing are downloaded and unpacked side by side, by one locked-in worker each, into
// staging. `settle` then syncs once and renames everything into place; the caller commits the rows.

import { closeSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import hyperid from "hyperid";
import { BunkerError, wrapError } from "../errors.ts";
import {
  computeChainIds,
  type Digest,
  digestHex,
  type ImageConfig,
  type LayerDescriptor,
  type Manifest,
  parseManifestDocument,
} from "../image/index.ts";
import { acquireLock, addToCounter, closeFd, makeCounter, syncDirectory, syncFilesystem } from "../native/index.ts";
import type { RegistryClient } from "../registry/index.ts";
import { type ImageRecord, type LayerMap, type LayerRecord, Trash } from "../store/index.ts";
import { Download } from "./download.ts";
import type { Engine } from "./engine.ts";
import { changeImages } from "./image-change.ts";
import type { LayerStatus, OnPullEvent } from "./pull-event.ts";
import { layerMap } from "./spec.ts";
import { emptyTrash, startJob } from "./worker.ts";

/** docker's number of downloads at once. */
const PARALLEL_LAYERS = 3;
const PRIVATE = 0o700;
const SHORT_DIGEST = 12;

export interface MaterializeRequest {
  manifest: Manifest;
  config: ImageConfig;
  /** Where blobs come from that are not here; `null`: all of them must be. */
  source: RegistryClient | null;
  onEvent: OnPullEvent;
}

/** The layers of an image, ready to be settled. */
export interface Layers {
  map: LayerMap;
  /** Bottom first, fixes included. */
  records: LayerRecord[];
  /** Writes these documents, syncs, and renames everything into place, announced beforehand. After it only the rows are missing. */
  settle(documents: readonly { digest: Digest; bytes: Uint8Array }[]): void;
  /** Gives locks and staging back; to be called whatever happened. */
  release(): void;
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

interface Unpacked {
  size: number;
  entries: number;
  unpackedBytes: number;
  impliedDirectories: number;
  pendingLinks: number;
  skippedDevices: number;
}

/** Downloads and unpacks what is missing. @throws BunkerError; nothing but resumable downloads is left then */
export async function materialize(engine: Engine, request: MaterializeRequest): Promise<Layers> {
  const work = new Work(engine, request);
  try {
    await work.run();
    return work;
  } catch (error) {
    work.release();
    throw error;
  }
}

/** Unpacks an image that is here for another class of id mapping. */
export async function unpackKept(engine: Engine, image: ImageRecord, onEvent: OnPullEvent): Promise<void> {
  const { store } = engine;
  const document = parseManifestDocument(store.blobs.read(image.manifest), `manifest of image "${image.id}"`);
  if (document.kind !== "manifest") throw new BunkerError("store", `image "${image.id}" has no manifest`);
  await changeImages(engine, async () => {
    const layers = await materialize(engine, { manifest: document, config: image.config, source: null, onEvent });
    try {
      layers.settle([]);
      const { id, manifest, createdAt } = image;
      const config = new TextDecoder().decode(store.blobs.read(id));
      const { map, records } = layers;
      store.images.commit({ id, manifest, config, createdAt, blobs: [], map, layers: records }, null);
    } finally {
      layers.release();
    }
  });
}

class Work implements Layers {
  readonly map: LayerMap;
  readonly #engine: Engine;
  readonly #request: MaterializeRequest;
  readonly #staging: string;
  readonly #lock: number;
  readonly #trash: Trash;
  readonly #abort = new AbortController();
  readonly #downloads: Download[] = [];
  #parts: Part[] = [];
  #fixes = new Map<number, Part>();
  #open = true;

  constructor(engine: Engine, request: MaterializeRequest) {
    this.#engine = engine;
    this.#request = request;
    this.map = layerMap(engine);
    const { layout, garbage } = engine.store;
    this.#trash = new Trash(layout);
    for (const directory of ["staging", "trash", "blobs/sha256", `layers/${this.map}`]) {
      mkdirSync(`${layout.dataHome}/${directory}`, { recursive: true, mode: PRIVATE });
    }
    garbage.sweepStaging(this.#trash);
    this.#staging = layout.staging(hyperid({ urlSafe: true, fixedLength: true })());
    const lock = acquireLock(`${this.#staging}.lock`);
    if (lock === null) throw new BunkerError("system", `staging "${this.#staging}" is taken`);
    this.#lock = lock;
    try {
      mkdirSync(this.#staging, { mode: PRIVATE });
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get records(): LayerRecord[] {
    return this.#stack().map((part) => part.record);
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
    const { images, layout } = this.#engine.store;
    const names = [digestHex(diffId), `chain-${digestHex(chainId)}`];
    const here = images.layers(this.map, names);
    const name = names.find((candidate) => here.has(candidate));
    if (name !== undefined) {
      this.#tell(descriptor, "exists", descriptor.size);
      const record = here.get(name) as LayerRecord;
      return { descriptor, diffId, chainId, directory: layout.layer(this.map, name), record, staged: false };
    }
    this.#tell(descriptor, "waiting", 0);
    const record: LayerRecord = { name: digestHex(diffId), diffId, size: 0, entries: 0, implied: 0 };
    return { descriptor, diffId, chainId, directory: `${this.#staging}/${digestHex(diffId)}`, record, staged: true };
  }

  #tell(descriptor: LayerDescriptor, status: LayerStatus, current: number): void {
    const digest = digestHex(descriptor.digest).slice(0, SHORT_DIGEST);
    this.#request.onEvent({ kind: "layer", digest, status, current, total: descriptor.size });
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
        this.#abort.abort();
        throw error;
      }),
    );
    const outcomes = await Promise.allSettled(stopping);
    const failures = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason as unknown);
    const cause = failures.find((reason) => !(reason instanceof BunkerError && reason.code === "cancelled"));
    if (failures.length > 0) throw cause ?? failures[0];
  }

  /** Downloads and unpacks one layer, at the same time. */
  async #bring(part: Part): Promise<void> {
    const { blobs, layout } = this.#engine.store;
    const { descriptor } = part;
    mkdirSync(`${part.directory}/root`, { recursive: true, mode: 0o755 });
    if (blobs.has(descriptor.digest, descriptor.size)) {
      const file = openSync(layout.blob(descriptor.digest), "r");
      const counter = makeCounter();
      try {
        if (descriptor.size > 0) addToCounter(counter, descriptor.size);
        await this.#unpack(part, [file, counter]);
      } finally {
        closeSync(file);
        closeFd(counter);
      }
      return;
    }
    await this.#downloadAndUnpack(part);
  }

  async #downloadAndUnpack(part: Part): Promise<void> {
    const { source } = this.#request;
    const { descriptor } = part;
    if (source === null) {
      throw new BunkerError("store", `layer "${descriptor.digest}" is missing from the store`, {
        hint: "Pull the image again.",
      });
    }
    const download = await Download.begin(this.#engine.store.layout, descriptor);
    this.#downloads.push(download);
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, stop.signal]);
    const unpacking = this.#unpack(part, [download.fd, download.counter], signal);
    const fetching = download.complete(source, (current) => this.#tell(descriptor, "downloading", current), signal);
    // Whichever fails first ends the other.
    const both = [fetching.then(() => this.#tell(descriptor, "unpacking", descriptor.size)), unpacking];
    for (const one of both) one.catch(() => stop.abort());
    const [fetched, unpacked] = await Promise.allSettled(both);
    if (unpacked?.status === "rejected" && isBadContent(unpacked.reason)) download.discard();
    const failures = [unpacked, fetched]
      .filter((outcome) => outcome?.status === "rejected")
      .map((outcome) => outcome.reason as unknown);
    if (failures.length > 0) throw failures.find((reason) => !isCancelled(reason)) ?? failures[0];
  }

  async #unpack(part: Part, fds: number[], signal: AbortSignal = this.#abort.signal): Promise<void> {
    const { descriptor, diffId, directory } = part;
    const { digest, size, compression } = descriptor;
    const job = {
      op: "unpack" as const,
      digest,
      size,
      compression,
      diffId,
      target: `${directory}/root`,
      manifest: `${directory}/manifest`,
    };
    const running = startJob(this.#engine, job, fds);
    const cancel = (): void => running.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      const result = (await running.result) as unknown as Unpacked;
      part.record = {
        ...part.record,
        size: result.unpackedBytes,
        entries: result.entries,
        implied: result.impliedDirectories,
      };
      if (result.pendingLinks > 0) part.record.name = `chain-${digestHex(part.chainId)}`;
      this.#warnOfDevices(descriptor, result.skippedDevices);
      this.#tell(descriptor, "done", descriptor.size);
      for (const twin of this.#parts) if (twin.diffId === diffId && twin.staged) twin.record = part.record;
    } catch (error) {
      throw wrapError(`layer "${digest.slice(0, "sha256:".length + SHORT_DIGEST)}"`, error);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
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
      const parents = this.#parts.slice(0, index).map(({ directory }) => `${directory}/root`);
      const job = {
        op: "link" as const,
        digest: part.diffId,
        target: `${part.directory}/root`,
        manifest: `${part.directory}/manifest`,
        parents: parents.reverse(),
      };
      await startJob(this.#engine, job).result;
    }
  }

  /** Directories that archives only implied must not hide what a lower layer says about them. */
  async #fixAll(): Promise<void> {
    const needed = this.#parts.some((part, index) => index > 0 && part.record.implied > 0);
    if (!needed) return;
    const target = `${this.#staging}/fixes`;
    mkdirSync(target, { mode: PRIVATE });
    const layers = this.#parts.map(({ directory }) => ({
      root: `${directory}/root`,
      manifest: `${directory}/manifest`,
    }));
    const { fixes } = await startJob(this.#engine, { op: "fix", layers, target }).result;
    for (const index of fixes as number[]) this.#fixes.set(index, this.#fixPart(index, `${target}/${index}`));
  }

  #fixPart(index: number, directory: string): Part {
    const below = this.#parts[index] as Part;
    const name = `fix-${digestHex(below.chainId)}`;
    const record: LayerRecord = { name, diffId: null, size: 0, entries: 0, implied: 0 };
    return { ...below, directory, record, staged: true };
  }

  settle(documents: readonly { digest: Digest; bytes: Uint8Array }[]): void {
    const { layout, blobs, garbage } = this.#engine.store;
    const fresh = documents.filter(({ digest, bytes }) => !blobs.has(digest, bytes.byteLength));
    const staged = this.#stack().filter((part) => part.staged);
    garbage.announce(
      [
        ...[...fresh, ...this.#downloads].map(({ digest }) => layout.blob(digest)),
        ...staged.map((part) => layout.layer(this.map, part.record.name)),
      ].map((path) => layout.relative(path)),
    );
    for (const { digest, bytes } of fresh) blobs.write(digest, bytes);
    // One sync for all of it: data before names.
    syncFilesystem(layout.dataHome);
    for (const part of staged) this.#move(part.directory, layout.layer(this.map, part.record.name));
    for (const download of this.#downloads) blobs.adopt(download.digest, download.path);
    syncDirectory(layout.layers(this.map));
    syncDirectory(`${layout.dataHome}/blobs/sha256`);
  }

  /** Somebody else may have been quicker, or a layer may stand in the stack twice: what is there is as good as ours. */
  #move(from: string, to: string): void {
    try {
      renameSync(from, to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
    }
  }

  release(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const download of this.#downloads) download.release();
    try {
      this.#trash.add(this.#staging);
      rmSync(`${this.#staging}.lock`, { force: true });
    } catch {
      // The outcome is decided; what is left is swept by the next command.
    }
    closeFd(this.#lock);
    emptyTrash(this.#engine, this.#trash);
  }
}

function isCancelled(reason: unknown): boolean {
  return (
    (reason instanceof BunkerError && reason.code === "cancelled") ||
    (reason instanceof Error && reason.name === "AbortError")
  );
}

/** Downloaded bytes that would be just as wrong the next time. */
function isBadContent(reason: unknown): boolean {
  return reason instanceof BunkerError && (reason.code === "digest-mismatch" || reason.code === "bad-archive");
}
