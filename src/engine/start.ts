// From a reserved container to a running one: plan the sandbox, give it to a keeper, attach, start, follow.

import { existsSync } from "node:fs";
import { type CreateRequest, donorsOf, isOnBridge, type NetworkSpec, planUserNamespace } from "../container/index.ts";
import { BunkerError, wrapError } from "../errors.ts";
import { DEFAULT_NETWORK } from "../network/index.ts";
import { closeFd, isLocked } from "../native/index.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { DeviceRequest } from "../volume/index.ts";
import { type KeeperChannel, startKeeper } from "./channel.ts";
import { lockContainer, untilFree } from "./container-lock.ts";
import { type CreateOptions, makeContainerTree, reserve, type Reserved } from "./create.ts";
import { discardContainer } from "./discard.ts";
import type { Engine } from "./engine.ts";
import { removeSpareImage } from "./image-removal.ts";
import { lackOfNetworks, resolveNetwork } from "./host.ts";
import { ensureHostsFile } from "./hosts-file.ts";
import { attachRequest, followSession, type SessionEnd, type StreamOptions } from "./session.ts";
import { specOf, type Surroundings } from "./spec.ts";
import { prepareRoot } from "./storage.ts";
import { viewContainer } from "./view.ts";

const KEEPER_END_TRIES = 200;
const KEEPER_END_PAUSE_MS = 5;

export interface RunOptions extends CreateOptions {
  detach: boolean;
  /** Read when the container has been created, not before. */
  streams: StreamOptions | null;
  /** Descriptors of the caller's that the process is to have; they are closed here. */
  keptFds?: number[];
  onCreated?: (id: string) => void;
  onWarning?: (warning: string) => void;
}

/** docker run, with a hired keeper. `end` is null when detached. */
export async function runContainer(
  engine: Engine,
  channel: KeeperChannel,
  request: CreateRequest,
  options: RunOptions,
): Promise<{ id: string; end: SessionEnd | null }> {
  const { record, lock } = await reserve(engine, request, {
    replace: options.replace,
    access: options.access,
    onPull: options.onPull,
    run: true,
  });
  options.onCreated?.(record.id);
  await startRequired(engine, { record, lock }, options.onWarning);
  const streams = options.detach ? null : options.streams;
  const { keptFds, onWarning } = options;
  await launch(engine, record, { channel, lock, streams, onWarning, ...(keptFds === undefined ? {} : { keptFds }) });
  // A container that removes itself stays `creating`: without its keeper it is to be undone.
  if (!request.autoRemove) noteStarted(engine, record, options.detach);
  if (options.detach) return { id: record.id, end: null };
  return { id: record.id, end: await follow(engine, record, { channel, streams }) };
}

/** docker start: a stopped or created container, once more. `streams`: attached from before its first output. */
export async function startContainer(
  engine: Engine,
  name: string,
  streams: StreamOptions | null,
  onWarning?: (warning: string) => void,
): Promise<SessionEnd | null> {
  using channel = hireKeeper(engine);
  const taken = await takeForStart(engine, name);
  if (taken === "running") return null;
  const { record, lock } = taken;
  await startRequired(engine, taken, onWarning);
  await prepareRootForStart(engine, taken);
  await launch(engine, record, { channel, lock, streams, onWarning });
  noteStarted(engine, record, true);
  return streams === null ? null : await follow(engine, record, { channel, streams });
}

/**
 * A keeper that is on its way into the user's namespace, which takes it as long as it takes us to find out what to run; its answer
 * comes with those of `launch`. Closed before that, it goes.
 */
export function hireKeeper(engine: Engine): KeeperChannel {
  const { userRuntimeDir } = engine.store.layout;
  const channel = startKeeper(userRuntimeDir);
  try {
    channel.send("enter", { userNamespace: planUserNamespace(engine.host()), userRuntimeDir });
    return channel;
  } catch (error) {
    channel.close();
    throw error;
  }
}

/** The keeper has written it down as well: a database that cannot be written does not make a failed start of it. */
function noteStarted(engine: Engine, record: ContainerRecord, durable: boolean): void {
  try {
    engine.store.containers.setState(record.id, "started", durable);
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
  }
}

/** podman's --requires: what is to run before it. */
async function startRequired(engine: Engine, reserved: Reserved, onWarning?: (warning: string) => void): Promise<void> {
  if (reserved.record.config.request.requires === undefined) return;
  await beforeStart(engine, reserved, async () => {
    const { missingRequirements } = await import("./requirements.ts");
    for (const id of missingRequirements(engine, reserved.record)) await startContainer(engine, id, null, onWarning);
  });
}

/** A container that was made where overlay could be mounted. */
function prepareRootForStart(engine: Engine, reserved: Reserved): Promise<void> {
  return beforeStart(engine, reserved, () => prepareRoot(engine, reserved.record));
}

/** What comes between a container's lock and its keeper: should it fail, there was no start. */
async function beforeStart(engine: Engine, { record, lock }: Reserved, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    closeFd(lock);
    settleFailedStart(engine, record);
    throw error;
  }
}

/** Takes the lock of a container at rest and begins a start, unless it runs, perhaps since somebody else has just started it. */
function takeForStart(engine: Engine, name: string): Promise<Reserved | "running"> {
  return untilFree(name, () => {
    const { record: found, status, paused } = viewContainer(engine, name);
    if (paused) throw stillPaused(found);
    if (status === "running") return "running";
    const lock = lockContainer(engine, found.id);
    const record = lock === null ? null : beginStart(engine, found.id, lock);
    return lock === null || record === null ? null : { record, lock };
  });
}

function stillPaused({ name }: ContainerRecord): BunkerError {
  return new BunkerError("conflict", "cannot start a paused container, try unpause instead", {
    hint: `\`bunker unpause ${name}\` lets it go on.`,
  });
}

/** Looks again, now under the lock. `null`: it is not at rest (any more), and the lock is given back. */
function beginStart(engine: Engine, id: string, lock: number): ContainerRecord | null {
  let record: ContainerRecord | null = null;
  try {
    const current = engine.store.containers.find(id);
    if (current?.state !== "created" && current?.state !== "ended") return null;
    makeContainerTree(engine, current);
    record = { ...current, state: "starting", generation: engine.store.containers.beginStart(id) };
    return record;
  } finally {
    if (record === null) closeFd(lock);
  }
}

interface Launch {
  /** To a keeper that was asked to enter. */
  channel: KeeperChannel;
  lock: number;
  streams: StreamOptions | null;
  onWarning: ((warning: string) => void) | undefined;
  keptFds?: number[];
}

/** Hands lock and plan to the keeper, attaches the streams and starts. @throws BunkerError why it did not start */
async function launch(engine: Engine, record: ContainerRecord, options: Launch): Promise<void> {
  const { channel, streams } = options;
  try {
    const warnings = await handOver(engine, record, options);
    channel.settle();
    if (record.config.request.pidFile !== undefined || record.config.request.keeperPidFile !== undefined) {
      (await import("./pid-files.ts")).writePidFiles(engine, record);
    }
    streams?.onStarting?.();
    channel.request("start");
    for (const warning of warnings) options.onWarning?.(warning);
  } catch (error) {
    channel.close();
    settleFailedStart(engine, record);
    throw wrapError(`starting container "${record.name}"`, error);
  }
}

/** Sends all that comes before the start; the lock is the keeper's then, or free. @returns what the user is to know */
async function handOver(
  engine: Engine,
  record: ContainerRecord,
  { channel, lock, streams, keptFds = [] }: Launch,
): Promise<string[]> {
  const { request } = record.config;
  try {
    ensureHostsFile(request.names);
    const { network, warning } = await findNetwork(engine, record);
    const devices = await lookForDevices(request);
    const peers = await lookForPeers(engine, record);
    const runtime = await lookForRuntime(request);
    const size = { rows: streams?.rows ?? 0, columns: streams?.columns ?? 0 };
    const spec = specOf(engine, record, { network, devices, ...peers, ...runtime, ...size });
    // First: a sandbox that cannot be made goes too.
    if (request.autoRemove) channel.send("tidy", doomed(engine, record));
    if (keptFds.length > 0) spec.process.keptFds = keptFds;
    channel.send("create", { spec }, [lock, ...keptFds]);
    if (streams !== null) {
      const { fields, fds } = attachRequest(streams);
      channel.send("attach", fields, fds);
    }
    return [...(warning === null ? [] : [warning]), ...scoreWarnings(engine, request)];
  } finally {
    // The keeper has copies: it holds the lock from now on.
    for (const fd of [lock, ...keptFds]) closeFd(fd);
  }
}

/** What a container is on at this start. */
async function findNetwork(
  engine: Engine,
  record: ContainerRecord,
): Promise<{ network: NetworkSpec; warning: string | null }> {
  const { request } = record.config;
  if (!isOnBridge(request)) return { network: await findOther(engine, record), warning: null };
  const lack = isUndemanding(request) ? lackOfNetworks() : null;
  if (lack !== null)
    return { network: { kind: "none" }, warning: `no way out of the container: ${lack}, so it has no network` };
  const { planBridge } = await import("./network.ts");
  return { network: await planBridge(engine, record), warning: null };
}

/** A mode of its own. */
async function findOther(engine: Engine, record: ContainerRecord): Promise<NetworkSpec> {
  const { request } = record.config;
  if (request.ports === undefined && request.publishAll !== true) return resolveNetwork(request.network, []);
  const { planPorts } = await import("./network-ports.ts");
  return resolveNetwork(request.network, await planPorts(engine, record));
}

/** It asks for no more than the default network, without which it runs where there is none. */
function isUndemanding({ networks = [], ports, publishAll }: CreateRequest): boolean {
  const isPlain = networks.every(
    ({ network, asked }) => network === DEFAULT_NETWORK && asked.address4 === null && asked.address6 === null,
  );
  return isPlain && ports === undefined && publishAll !== true;
}

async function lookForPeers(engine: Engine, record: ContainerRecord): Promise<Pick<Surroundings, "joins" | "names">> {
  if (donorsOf(record.config.request).length === 0) return {};
  const { findPeers } = await import("./peers.ts");
  return findPeers(engine, record);
}

async function lookForDevices(request: CreateRequest): Promise<DeviceRequest[]> {
  if (request.devices === undefined && request.privileged !== true) return [];
  const { findDevices } = await import("./devices.ts");
  return findDevices(request);
}

async function lookForRuntime({ runtime }: CreateRequest): Promise<Pick<Surroundings, "runtime">> {
  if (runtime === undefined) return {};
  const { findRuntime } = await import("./oci-runtime.ts");
  return { runtime: findRuntime(runtime) };
}

/** podman's word for a score that only root could give. */
function scoreWarnings(engine: Engine, { oomScoreAdj }: CreateRequest): string[] {
  if (oomScoreAdj === undefined) return [];
  const own = engine.host().oomScoreAdj;
  if (own <= oomScoreAdj) return [];
  return [`Requested oom_score_adj=${oomScoreAdj} is lower than the current one, changing to ${own}`];
}

/** What goes with a container that removes itself: its directory and its anonymous volumes. */
function doomed(engine: Engine, record: ContainerRecord): { trash: string; paths: string[] } {
  const { layout } = engine.store;
  const volumes = record.config.volumes.filter((volume) => volume.anonymous);
  return {
    trash: layout.trash(),
    paths: [...volumes.map((volume) => layout.volume(volume.name)), layout.container(record.id)],
  };
}

/** docker: a container whose start failed stays as created, with the reason; one that removes itself goes. */
function settleFailedStart(engine: Engine, record: ContainerRecord): void {
  const lock = `${engine.store.layout.runtime(record.id)}/lock`;
  // A keeper that we left in the middle is about to end.
  for (let attempt = 0; isLocked(lock) && attempt < KEEPER_END_TRIES; attempt++) Bun.sleepSync(KEEPER_END_PAUSE_MS);
  try {
    viewContainer(engine, record.id);
  } catch (error) {
    // The failed start itself is what the user must hear of; the next command settles the rest.
    if (!(error instanceof BunkerError)) throw error;
  }
}

async function follow(
  engine: Engine,
  record: ContainerRecord,
  session: { channel: KeeperChannel; streams: StreamOptions | null },
): Promise<SessionEnd> {
  const end = await followSession(session.channel, session.streams);
  session.channel.close();
  if (end === null) return lookUpEnd(engine, record);
  if (end.kind === "exited" && record.config.request.autoRemove) forget(engine, record);
  return end;
}

/** The keeper was killed: the container may live on. */
function lookUpEnd(engine: Engine, record: ContainerRecord): SessionEnd {
  const view = viewContainer(engine, record.id);
  if (view.status !== "running") return { kind: "exited", code: view.exitCode };
  throw new BunkerError("not-running", `the keeper of container "${record.name}" was killed; the container runs on`, {
    hint: `\`bunker attach ${record.name}\` gives it a new keeper.`,
  });
}

/** The row goes now; the keeper has moved the files to the trash before it told us, the container's own last, and removes them. */
function forget(engine: Engine, record: ContainerRecord): void {
  const { containers } = engine.store;
  // What it could not move is still there.
  if (doomed(engine, record).paths.some(existsSync)) discardContainer(engine, record.id, { volumes: true });
  else containers.remove(record.id, { volumes: true, durable: false, left: false });
  removeSpareImage(engine, record);
}
