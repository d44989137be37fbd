// Network namespaces as places for tools to run in, set as Linux sets them.

import { existsSync, readdirSync, readlinkSync } from "node:fs";

import type { TestEnv } from "../../../test/support/environment.ts";
import { processesOf } from "../../../test/support/host-state.ts";

/** argv → argv that runs it there, as root. */
export type Place = (command: string[]) => string[];

/** Linux's own. A new namespace has the machine's, which may be tuned in a way that slows everything that forwards. */
const BUFFERS = ["net.ipv4.tcp_rmem=4096 131072 6291456", "net.ipv4.tcp_wmem=4096 16384 4194304"];
/** Linux's own, which a namespace may choose only where the machine's net.ipv4.tcp_allowed_congestion_control has it; the next best. */
const CONGESTION_CONTROLS = ["cubic", "reno"];
const CONGESTION_CONTROL = "net.ipv4.tcp_congestion_control";

/** Where a process is. */
export function networkOf(pid: number): Place {
  return inNetwork(`/proc/${pid}/ns/net`);
}

function inNetwork(file: string): Place {
  return (command) => ["nsenter", `--net=${file}`, ...command];
}

export function setDefaults(place: Place): void {
  const set = (settings: string[]) => Bun.spawnSync(place(["sysctl", "-q", "-w", ...settings]));
  const buffers = set(BUFFERS);
  if (!buffers.success) throw new Error(`setting ${BUFFERS.join(", ")}: ${buffers.stderr.toString()}`);
  const chosen = CONGESTION_CONTROLS.find((name) => set([`${CONGESTION_CONTROL}=${name}`]).success);
  if (chosen === undefined) throw new Error(`a namespace can have neither of ${CONGESTION_CONTROLS.join(", ")}`);
}

/** In every network that the environment's processes are in or keep, but never the machine's own. */
export function setDefaultsIn(env: TestEnv): void {
  const seen = new Set([readlinkSync("/proc/self/ns/net")]);
  for (const file of processesOf(env).flatMap(filesOf)) {
    const target = targetOf(file);
    if (!target.startsWith("net:[") || seen.has(target)) continue;
    seen.add(target);
    setDefaults(inNetwork(file));
  }
}

function filesOf(pid: number): string[] {
  const descriptors = `/proc/${pid}/fd`;
  const names = existsSync(descriptors) ? readdirSync(descriptors) : [];
  return [`/proc/${pid}/ns/net`, ...names.map((name) => `${descriptors}/${name}`)];
}

function targetOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return ""; // it has been closed
  }
}

export function congestionControlOf(place: Place): string {
  const { stdout } = Bun.spawnSync(place(["sysctl", "-n", CONGESTION_CONTROL]));
  return stdout.toString().trim();
}
