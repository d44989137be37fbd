// docker create, and the first half of docker run: image and request become a row and directories; nothing runs yet.

import {
  type Borrowed,
  type ContainerConfig,
  type CreateRequest,
  donorsOf,
  generateName,
  hasPaths,
  type ImageBase,
  imagePlace,
  isOnBridge,
  isWish,
  resolveConfig,
  type VolumeUse,
} from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { closeFd, makeTree } from "../native/index.ts";
import type { Digest } from "../image/index.ts";
import type { ContainerRecord, IdLease } from "../store/index.ts";
import { prepareBindSources } from "./bind-sources.ts";
import { clearRuntime, lockContainer } from "./container-lock.ts";
import { discardContainer } from "./discard.ts";
import type { Engine } from "./engine.ts";
import { ensureHostsFile } from "./hosts-file.ts";
import { ensureImage } from "./image-source.ts";
import type { PullAccess } from "./pull.ts";
import type { PullEvent } from "./pull-event.ts";
import { layerClass, layerMap } from "./spec.ts";
import { prepareRoot } from "./storage.ts";
import { viewContainer } from "./view.ts";
import { ensureZone } from "./zone.ts";

const PRIVATE_DIRECTORY = 0o700;
const READABLE_DIRECTORY = 0o755;
const PRIVATE_FILE = 0o600;
/** docker's default name of a container's host. */
const SHORT_ID = 12;
/** Two commands may draw the same name at once. */
const NAME_TRIES = 20;
const LOCK_TRIES = 200;
const LOCK_PAUSE_MS = 5;

export interface CreateOptions {
  /** Whoever has the name goes, once the image is here (podman's --replace). */
  replace: boolean;
  access: PullAccess;
  onPull: (event: PullEvent) => void;
}

/** docker create. @returns the id, durable from then on */
export async function createContainer(
  engine: Engine,
  request: CreateRequest,
  options: CreateOptions,
): Promise<{ id: string; warnings: string[] }> {
  const { record, lock } = await reserve(engine, request, { ...options, run: false });
  try {
    engine.store.containers.setState(record.id, "created");
    clearRuntime(engine, record.id);
    return { id: record.id, warnings: [] };
  } catch (error) {
    undo(engine, record.id);
    throw error;
  } finally {
    closeFd(lock);
  }
}

/** A container whose row is there and says `creating`. Its lock is ours, to be handed to a keeper. */
export interface Reserved {
  record: ContainerRecord;
  lock: number;
}

/** Reserves id, name and volumes under the container's lock: if we die, whoever finds the row without it undoes it. */
export async function reserve(
  engine: Engine,
  asked: CreateRequest,
  options: CreateOptions & { run: boolean },
): Promise<Reserved> {
  const request = await resolveNames(engine, asked);
  const image = await findBase(engine, request, options);
  if (options.replace && request.name !== null) await removeNamed(engine, request.name);
  await ensureVolumes(engine, request);
  const borrowed = needsOthers(request) ? await lookUpOthers(engine, request, options.onPull) : null;
  const id = engine.store.newId();
  const lock = lockNew(engine, id);
  try {
    const record = await insertRow(engine, request, image, { id, borrowed, run: options.run });
    // Even if they were a moment ago: nobody prunes them from now on.
    if (layerClass(engine, record.config.request.userns).userns !== undefined) {
      const { unpackForLease } = await import("./id-wish.ts");
      await unpackForLease(engine, record.config, { imageId: record.imageId, onPull: options.onPull });
    }
    if (record.config.volumes.length > 0) await shareVolumes(engine, record);
    if (isOnBridge(request)) await joinNetworks(engine, record);
    makeContainerTree(engine, record);
    await prepareRoot(engine, record);
    return { record, lock };
  } catch (error) {
    undo(engine, id);
    closeFd(lock);
    throw error;
  }
}

async function findBase(
  engine: Engine,
  request: CreateRequest,
  { access, onPull }: CreateOptions,
): Promise<Omit<ImageBase, "id"> & { id: Digest | null }> {
  if (request.rootfs === undefined) return ensureImage(engine, { ...request, access }, onPull);
  const { ensureRootfs } = await import("./rootfs.ts");
  return ensureRootfs(request.rootfs);
}

async function resolveNames(engine: Engine, asked: CreateRequest): Promise<CreateRequest> {
  ensureMappable(engine, asked);
  if (asked.runtime !== undefined) (await import("./oci-runtime.ts")).ensureRuntime(asked);
  const { requires } = asked;
  const named =
    requires === undefined
      ? asked
      : { ...asked, requires: (await import("./requirements.ts")).resolveRequirements(engine, requires) };
  const isWished = named.userns !== undefined && isWish(named.userns);
  const settled = isWished ? (await import("./id-wish.ts")).settleWish(engine, named) : named;
  const request = hasPaths(settled) ? (await import("./namespace-path.ts")).resolvePaths(engine, settled) : settled;
  if (donorsOf(request).length === 0) return request;
  const { resolveDonors } = await import("./peers.ts");
  return resolveDonors(engine, request);
}

function ensureMappable(engine: Engine, { userns }: CreateRequest): void {
  if (userns === undefined || userns.kind === "host" || layerMap(engine) === "user") return;
  const flag = {
    keep: "--userns keep-id",
    nomap: "--userns nomap",
    auto: "--userns auto",
    lines: "a map of ids",
  } as const;
  const what = userns.kind === "maps" ? flag.lines : flag[userns.kind];
  throw new BunkerError("host-refused", `${what} needs subordinate ids, and you have none`, {
    hint: "`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER` as root gives some.",
  });
}

function needsOthers({ mounts, volumesFrom }: CreateRequest): boolean {
  return volumesFrom !== undefined || mounts.some((mount) => mount.kind === "image");
}

async function lookUpOthers(
  engine: Engine,
  request: CreateRequest,
  onPull: CreateOptions["onPull"],
): Promise<Borrowed> {
  const { borrow } = await import("./borrow.ts");
  return borrow(engine, request, onPull);
}

/** Its row is there: whoever removes an anonymous volume from now on sees that it is used. */
async function shareVolumes(engine: Engine, { id, config }: ContainerRecord): Promise<void> {
  const isShared = ({ name }: VolumeUse): boolean => {
    const volume = engine.store.volumes.find(name);
    return volume?.anonymous === true && volume.users.some((user) => user !== id);
  };
  const shared = config.volumes.filter(isShared).map(({ name }) => name);
  if (shared.length === 0) return;
  const { markShared } = await import("./borrow.ts");
  markShared(engine, shared);
}

async function joinNetworks(engine: Engine, record: ContainerRecord): Promise<void> {
  const calls = await import("./network.ts");
  calls.joinNetworks(engine, record);
}

async function removeNamed(engine: Engine, name: string): Promise<void> {
  const { removeContainer } = await import("./stop.ts");
  try {
    await removeContainer(engine, name, { force: true, volumes: false });
  } catch (error) {
    if (!(error instanceof BunkerError) || error.code !== "not-found") throw error;
  }
}

/** Named volumes are made before the container, as docker does, and stay should it come to nothing. */
async function ensureVolumes(engine: Engine, { mounts }: CreateRequest): Promise<void> {
  const names = mounts.flatMap((mount) => (mount.kind === "volume" && mount.name !== null ? [mount.name] : []));
  if (names.length === 0) return;
  const { createVolume } = await import("./volume.ts");
  for (const name of names) createVolume(engine, name, {});
}

/** A new id's lock is free, but for the moment in which somebody sweeps. */
function lockNew(engine: Engine, id: string): number {
  for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
    const lock = lockContainer(engine, id);
    if (lock !== null) return lock;
    Bun.sleepSync(LOCK_PAUSE_MS);
  }
  throw new BunkerError("system", `creating container "${id}": its lock is taken`);
}

/** Of a row that may not even be there; what cannot be undone now is undone by the next command. */
function undo(engine: Engine, id: string): void {
  try {
    if (engine.store.containers.find(id) !== null) discardContainer(engine, id, { volumes: true });
    clearRuntime(engine, id);
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
  }
}

async function insertRow(
  engine: Engine,
  request: CreateRequest,
  image: Omit<ImageBase, "id"> & { id: Digest | null },
  options: { id: string; borrowed: Borrowed | null; run: boolean },
): Promise<ContainerRecord> {
  const { id, borrowed, run } = options;
  const hostname = hostnameOf(engine, request, id);
  const config = resolveConfig({ hostname, borrowed }, request, image, () => engine.store.newId());
  prepareBindSources(request);
  ensureHostsFile(request.names);
  if (request.timezone !== undefined) ensureZone(request.timezone);
  const row = {
    id,
    imageId: image.id,
    imageName: request.image,
    state: "creating" as const,
    generation: run ? 1 : 0,
    createdAt: new Date().toISOString(),
    config,
  };
  const lease = await leaseOf(engine, config, image.id);
  return { ...row, name: insert(engine, { ...row, ...(lease === null ? {} : { lease }) }, request.name), exit: null };
}

/** Ids of its own, or those that come with another one's user namespace. */
async function leaseOf(engine: Engine, config: ContainerConfig, imageId: Digest | null): Promise<IdLease | null> {
  const [donor] = donorsOf(config.request);
  if (donor !== undefined) return { sharedWith: donor.id };
  if (config.request.userns?.kind !== "auto") return null;
  const { planLease } = await import("./id-wish.ts");
  return planLease(engine, config, imageId);
}

/** docker's rule: on the host's network it has the host's name, and on another container's that one's. */
function hostnameOf(engine: Engine, request: CreateRequest, id: string): string {
  if (request.network === "host" || request.spaces?.uts === "host") return engine.host().hostname;
  const [donor] = donorsOf(request).filter(({ kind }) => kind === "uts" || kind === "network");
  return donor === undefined ? id.slice(0, SHORT_ID) : engine.store.containers.resolve(donor.id).config.hostname;
}

type NewRow = Omit<ContainerRecord, "name" | "exit"> & { lease?: IdLease };

/** What a power cut would undo anyway need not survive one. */
const NOT_DURABLE = false;

function insert(engine: Engine, row: NewRow, wanted: string | null): string {
  const { containers } = engine.store;
  const volumes = row.config.volumes.map(({ name, target, anonymous }) => ({ name, target, anonymous }));
  for (let attempt = 1; ; attempt++) {
    const name = wanted ?? freeName(engine);
    try {
      containers.insert({ ...row, name, volumes }, NOT_DURABLE);
      return name;
    } catch (error) {
      if (!(error instanceof BunkerError) || error.code !== "conflict" || attempt === NAME_TRIES) throw error;
      if (wanted !== null && isReallyTaken(engine, wanted)) throw error;
    }
  }
}

/** A name may be held by what its creator left half made: that is undone by looking at it. */
function isReallyTaken(engine: Engine, name: string): boolean {
  try {
    viewContainer(engine, name);
    return true;
  } catch (error) {
    if (error instanceof BunkerError && error.code === "not-found") return false;
    throw error;
  }
}

function freeName(engine: Engine): string {
  for (let attempt = 0; attempt < NAME_TRIES; attempt++) {
    const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
    const name = generateName(random);
    if (!engine.store.containers.isTaken(name)) return name;
  }
  // So many containers that chance finds no free name: an id always is one.
  return engine.store.newId();
}

/** The directories of a container; made again at a start, should a crash have lost them. */
export function makeContainerTree(engine: Engine, record: ContainerRecord): void {
  const { dataHome } = engine.store.layout;
  const { id, config } = record;
  const beside = JSON.stringify({
    id,
    name: record.name,
    createdAt: record.createdAt,
    generation: record.generation,
    ...config,
  });
  makeTree(dataHome, [
    { path: "containers", mode: PRIVATE_DIRECTORY },
    { path: `containers/${id}`, mode: PRIVATE_DIRECTORY },
    { path: `containers/${id}/upper`, mode: READABLE_DIRECTORY },
    { path: `containers/${id}/work`, mode: PRIVATE_DIRECTORY },
    { path: `containers/${id}/config.json`, mode: PRIVATE_FILE, content: beside },
    { path: "trash", mode: PRIVATE_DIRECTORY },
  ]);
  if (config.volumes.length > 0) makeVolumeTrees(dataHome, config);
  config.images?.forEach((_image, index) => makeImagePlace(dataHome, `containers/${id}/${imagePlace(index)}`));
}

function makeImagePlace(dataHome: string, path: string): void {
  makeTree(dataHome, [
    { path, mode: PRIVATE_DIRECTORY },
    { path: `${path}/upper`, mode: READABLE_DIRECTORY },
    { path: `${path}/work`, mode: PRIVATE_DIRECTORY },
  ]);
}

function makeVolumeTrees(dataHome: string, config: ContainerConfig): void {
  const trees = config.volumes.flatMap(({ name }) => [
    { path: `volumes/${name}`, mode: PRIVATE_DIRECTORY },
    { path: `volumes/${name}/_data`, mode: READABLE_DIRECTORY },
  ]);
  makeTree(dataHome, [{ path: "volumes", mode: PRIVATE_DIRECTORY }, ...trees]);
}
