// Makes a bundle's container up to the last step before its exec. The order is the crash safety: what must be known is on disk before
// anything can outlive us, and the helper kills what it made when we go.

import { readFileSync } from "node:fs";
import { type BundleHost, loadBundles, type PlannedBundle } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { signalProcess } from "../native/index.ts";
import { makeGroup, removeGroup } from "./bundle-group.ts";
import { BundleHelper, keptFds } from "./bundle-helper.ts";
import { runHooks } from "./bundle-hooks.ts";
import { deleteBundle, endProcess, startBundle } from "./bundle-life.ts";
import { type BundleProcess, type BundleRecord, type BundleStates, replaceFile, stateOf } from "./bundle-state.ts";
import { findProgram, isInitialNamespace, isNested, mapsItself } from "./host.ts";

export interface CreateOrder {
  id: string;
  /** Absolute. */
  bundle: string;
  pidFile: string | null;
  consoleSocket: string | null;
  /** Descriptors from 3 on that the container gets. */
  preserved: number;
  /** Whether groups may be made. */
  groups: boolean;
}

/** As far as `created`. @throws BunkerError, and nothing is left then */
export async function createBundle(states: BundleStates, order: CreateOrder): Promise<void> {
  using helper = new BundleHelper();
  await create(states, order, helper);
}

/** Creates, starts, waits, deletes. @returns the exit code of the container's process */
export async function runBundle(states: BundleStates, order: CreateOrder): Promise<number> {
  using helper = new BundleHelper();
  const record = await create(states, order, helper);
  try {
    const living = states.process(order.id);
    return await passingSignals(living, async () => {
      await startBundle(states, order.id);
      return endOf(await helper.step());
    });
  } finally {
    await deleteBundle(states, record.id, true);
  }
}

const UNKNOWN_END = 255;
const PASSED_ON = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

/** The exit code in what the helper says at the end. */
export function endOf({ code }: Record<string, unknown>): number {
  return typeof code === "number" ? code : UNKNOWN_END;
}

/** What reaches us meanwhile is meant for that process. */
export async function passingSignals<T>(target: BundleProcess | null, work: () => Promise<T>): Promise<T> {
  const pass = (_name: string, number: number): void => void (target !== null && signalProcess(target, number));
  for (const name of PASSED_ON) process.on(name, pass);
  try {
    return await work();
  } finally {
    for (const name of PASSED_ON) process.off(name, pass);
  }
}

async function create(states: BundleStates, order: CreateOrder, helper: BundleHelper): Promise<BundleRecord> {
  states.sweep();
  const planned = await readBundle(states, order);
  const record: BundleRecord = {
    version: 1,
    id: order.id,
    ociVersion: planned.ociVersion,
    bundle: order.bundle,
    annotations: planned.annotations,
    hooks: planned.hooks,
    spec: planned.spec,
    created: new Date().toISOString(),
  };
  planned.spec.process.keptFds = keptFds(order.preserved);
  const release = states.reserve(record);
  try {
    await build({ states, order, helper, record, planned });
  } catch (error) {
    helper[Symbol.dispose]();
    const living = states.process(order.id);
    if (living !== null) await endProcess(living, order.id);
    if (record.spec.cgroup !== null) removeGroup(record.spec.cgroup);
    states.remove(order.id);
    throw error;
  } finally {
    // From now on the container counts as made, or as what a crash left.
    release();
  }
  return record;
}

interface Build {
  states: BundleStates;
  order: CreateOrder;
  helper: BundleHelper;
  record: BundleRecord;
  planned: PlannedBundle;
}

async function build({ states, order, helper, record, planned }: Build): Promise<void> {
  const { spec } = record;
  const limited = planned.limits[0]?.field ?? null;
  spec.cgroup = makeGroup(planned.cgroupsPath, planned.limits, order.groups);
  if (spec.cgroup !== null) states.write(record);
  const request = { op: "make", spec, stateDir: states.directory(order.id), consoleSocket: order.consoleSocket };
  const made = await helper.order(request, spec.process.keptFds);
  const pid = Number(made["pid"]);
  states.writeProcess(order.id, pid);
  if (limited !== null && made["isGrouped"] !== true) {
    throw new BunkerError(
      "host-refused",
      `config.json: ${limited} cannot be applied: the kernel refused the container's group`,
    );
  }
  await runHooks("createRuntime", record.hooks.create, stateOf(record, "creating", pid));
  await helper.step();
  states.markCreated(order.id);
  if (order.pidFile !== null) replaceFile(order.pidFile, String(pid));
  await helper.step();
}

async function readBundle(states: BundleStates, { id, bundle }: CreateOrder): Promise<PlannedBundle> {
  const place = { id, bundle, state: states.directory(id) };
  const { planBundle } = await loadBundles();
  return planBundle(readConfig(`${bundle}/config.json`), place, readBundleHost());
}

/** @throws BunkerError usage */
export function readConfig(path: string): unknown {
  const wrong = (cause: unknown): BunkerError =>
    new BunkerError("usage", `reading "${path}": ${(cause as Error).message}`, { cause });
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw wrong(cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw wrong(cause);
  }
}

/** Whoever calls us, and from where. */
export function readBundleHost(): BundleHost {
  return {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    mapsIds: mapsItself(),
    isOnHost: isInitialNamespace(),
    groupsFixed: readFileSync("/proc/self/setgroups", "utf8").trim() === "deny",
    newuidmap: findProgram("newuidmap"),
    newgidmap: findProgram("newgidmap"),
    machine: process.arch,
    nested: isNested(),
  };
}
