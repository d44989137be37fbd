// docker stats: what containers use at this moment. From a container's own control group where it has one with the controllers
// (cgroups(7)); what no controller counts is added up over its processes, or not known.

import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { readText } from "./host.ts";
import { listProcesses, type ProcessFacts } from "./top.ts";
import { type ContainerView, viewContainer } from "./view.ts";

const MICROSECONDS = 1e6;
const KIB = 1024;

/** One look at a container. `null`: not known. */
export interface StatsSample {
  id: string;
  name: string;
  running: boolean;
  /** performance.now() of the look. */
  at: number;
  /** Microseconds of processor time so far. */
  cpu: number;
  memory: { used: number; limit: number };
  network: { received: number; sent: number } | null;
  block: { read: number; written: number } | null;
  processes: number;
}

/** By id, name or beginning of an id. @throws BunkerError not-found */
export function sampleContainer(engine: Engine, name: string): StatsSample {
  const view = viewContainer(engine, name);
  const { id, name: ownName, config } = view.record;
  const at = performance.now();
  const base = { id, name: ownName, at };
  if (view.status !== "running") {
    const memory = { used: 0, limit: 0 };
    return { ...base, running: false, cpu: 0, memory, network: null, block: null, processes: 0 };
  }
  const processes = new Processes(engine, id);
  const network = config.request.network === "host" ? null : readNetwork(view.pid);
  return {
    ...base,
    running: true,
    cpu: readCpu(view, processes),
    memory: { used: readMemory(view, processes), limit: readLimit(view) },
    network,
    block: readBlock(view),
    processes: numberOf(file(view, "pids.current")) ?? processes.all().length,
  };
}

/** Looked for only where a controller is missing: that goes through all of /proc. */
class Processes {
  readonly #engine: Engine;
  readonly #id: string;
  #found: ProcessFacts[] | null = null;

  constructor(engine: Engine, id: string) {
    this.#engine = engine;
    this.#id = id;
  }

  all(): ProcessFacts[] {
    this.#found ??= this.#look();
    return this.#found;
  }

  #look(): ProcessFacts[] {
    try {
      return listProcesses(this.#engine, this.#id);
    } catch (error) {
      // It has ended since.
      if (error instanceof BunkerError && /^(?:not-found|not-running)$/.test(error.code)) return [];
      throw error;
    }
  }
}

function file({ group }: ContainerView, name: string): string {
  return group === null ? "" : readText(`${group}/${name}`);
}

function numberOf(text: string): number | null {
  return /^\d+\s*$/.test(text) ? Number(text) : null;
}

function field(text: string, name: string): number | null {
  const found = new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

function readCpu(view: ContainerView, processes: Processes): number {
  const used = field(file(view, "cpu.stat"), "usage_usec");
  return used ?? processes.all().reduce((sum, { cpu }) => sum + cpu, 0) * MICROSECONDS;
}

/** docker: without the part of the page cache that would be given up first. */
function readMemory(view: ContainerView, processes: Processes): number {
  const current = numberOf(file(view, "memory.current"));
  if (current !== null) return Math.max(0, current - (field(file(view, "memory.stat"), "inactive_file") ?? 0));
  const resident = processes.all().map(({ pid }) => /^VmRSS:\s+(\d+)/m.exec(readText(`/proc/${pid}/status`))?.[1]);
  return resident.reduce((sum, size) => sum + Number(size ?? 0), 0) * KIB;
}

/** The host's memory where there is no limit, as docker has it. */
function readLimit(view: ContainerView): number {
  const total = Number(/^MemTotal:\s+(\d+)/m.exec(readText("/proc/meminfo"))?.[1] ?? 0) * KIB;
  const limit = numberOf(file(view, "memory.max"));
  return limit === null ? total : Math.min(limit, total);
}

/** Of all interfaces but the loopback (proc_pid_net(5)). */
function readNetwork(pid: number): StatsSample["network"] {
  const lines = readText(`/proc/${pid}/net/dev`).split("\n").slice(2);
  if (lines.length === 0) return null;
  const total = { received: 0, sent: 0 };
  for (const line of lines) {
    const [name, numbers = ""] = line.trim().split(":");
    if (name === "lo" || name === "") continue;
    const columns = numbers.trim().split(/\s+/).map(Number);
    total.received += columns[0] ?? 0;
    total.sent += columns[8] ?? 0;
  }
  return total;
}

/** Of all devices; a group without the controller has no such file. */
function readBlock(view: ContainerView): StatsSample["block"] {
  if (!file(view, "cgroup.controllers").trim().split(" ").includes("io")) return null;
  const text = file(view, "io.stat");
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`\\b${name}=(\\d+)`, "g"))].reduce((total, [, bytes]) => total + Number(bytes), 0);
  return { read: sum("rbytes"), written: sum("wbytes") };
}
