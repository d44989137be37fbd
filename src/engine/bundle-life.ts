// From `created` to nothing left of it: a bundle's container is started, signalled and deleted. What it is doing is asked of the
// kernel each time.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { log } from "../log.ts";
import {
  closeFd,
  connectControl,
  failureToError,
  receiveMessage,
  sendMessage,
  signalProcess,
} from "../native/index.ts";
import { PROTOCOL_VERSION } from "./channel.ts";
import { removeGroup } from "./bundle-group.ts";
import { runHooks } from "./bundle-hooks.ts";
import {
  type BundleProcess,
  type BundleRecord,
  type BundleStates,
  isAlive,
  processAt,
  stateOf,
} from "./bundle-state.ts";

const SIGKILL = 9;
/** What is killed ends within that, unless the kernel holds it. */
const PATIENCE_MS = 10_000;
const GLANCE_MS = 10;

/** @throws BunkerError what kept its process from being executed */
export async function startBundle(states: BundleStates, id: string): Promise<void> {
  const record = states.read(id);
  const { status, living } = states.look(id);
  if (status !== "created") throw new BunkerError("conflict", `cannot start container ${id}: it is ${status}`);
  const gate = connectControl(states.directory(id));
  // Somebody was faster.
  if (gate === null) throw new BunkerError("conflict", `cannot start container ${id}: it is running`);
  try {
    sendMessage(gate, { op: "start", version: PROTOCOL_VERSION });
    // The exec closes the other end without a word.
    const refused = await receiveMessage(gate, "block");
    if (refused !== null) throw failureToError(refused.message["failure"]);
  } finally {
    closeFd(gate);
  }
  await afterwards("poststart", record, { status: "running", pid: living?.pid ?? 0 });
}

/** Once it runs, or is gone, a hook that fails changes nothing any more. */
async function afterwards(
  kind: "poststart" | "poststop",
  record: BundleRecord,
  { status, pid }: { status: "running" | "stopped"; pid: number },
): Promise<void> {
  for (const hook of record.hooks[kind]) {
    try {
      await runHooks(kind, [hook], stateOf(record, status, pid));
    } catch (error) {
      if (!(error instanceof BunkerError)) throw error;
      log.warn(error.message);
    }
  }
}

/** @throws BunkerError not-running */
export function killBundle(states: BundleStates, id: string, signal: { number: number; all: boolean }): void {
  const record = states.read(id);
  const { living } = states.look(id);
  if (living === null) throw notRunning(id);
  const targets = signal.all ? allOf(record, living) : [living];
  const reached = targets.map((target) => signalProcess(target, signal.number));
  if (!signal.all && reached[0] !== true) throw notRunning(id);
}

function notRunning(id: string): BunkerError {
  return new BunkerError("not-running", `container ${id} is not running`);
}

/** Everybody in its group, or in its namespace of processes. @throws BunkerError unsupported when it has neither to itself */
function allOf(record: BundleRecord, living: BundleProcess): BundleProcess[] {
  const { cgroup, namespaces } = record.spec;
  if (cgroup !== null) {
    const members = readFileSync(`${cgroup}/cgroup.procs`, "utf8").split("\n");
    return members.filter((line) => line !== "").map((line) => processAt(Number(line)));
  }
  if (!namespaces.pid) {
    throw new BunkerError("unsupported", "kill --all needs a container with a group or a PID namespace of its own");
  }
  const own = namespaceOf(living.pid);
  const others = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && namespaceOf(Number(name)) === own);
  return others.map((name) => processAt(Number(name)));
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}

/** @throws BunkerError conflict for one that runs, unless `force` ends it */
export async function deleteBundle(states: BundleStates, id: string, force: boolean): Promise<void> {
  const record = states.read(id);
  const { status, living } = states.look(id);
  if (status === "creating" && living === null && !force) throw notStopped(id, status);
  if (status === "running" && !force) throw notStopped(id, status);
  if (living !== null) await endProcess(living, id);
  if (record.spec.cgroup !== null) removeGroup(record.spec.cgroup);
  states.remove(id);
  await afterwards("poststop", record, { status: "stopped", pid: 0 });
}

function notStopped(id: string, status: string): BunkerError {
  return new BunkerError("conflict", `cannot delete container ${id}: it is ${status}`, {
    hint: "Kill it first, or use --force.",
  });
}

/** Gone, or a zombie that is for its parent to collect. */
export async function endProcess(living: BundleProcess, id: string): Promise<void> {
  signalProcess(living, SIGKILL);
  for (let waited = 0; isAlive(living); waited += GLANCE_MS) {
    if (waited > PATIENCE_MS) throw new BunkerError("system", `container ${id} could not be killed`);
    await Bun.sleep(GLANCE_MS);
  }
}
