// One more process in a bundle's container.

import { loadBundles, type SandboxSpec } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { endOf, passingSignals, readConfig } from "./bundle-create.ts";
import { BundleHelper, keptFds } from "./bundle-helper.ts";
import { type BundleStates, processAt, replaceFile } from "./bundle-state.ts";

export interface ExecOrder {
  id: string;
  /** A process.json; `null`: as the container's own, but with these words. */
  processFile: string | null;
  args: string[];
  cwd: string | null;
  env: string[];
  /** `uid[:gid]`. */
  user: string | null;
  terminal: boolean;
  detach: boolean;
  pidFile: string | null;
  consoleSocket: string | null;
  preserved: number;
}

/** @returns the exit code of the process; 0 once it runs, if nobody waits for it. @throws BunkerError what kept it from that */
export async function execInBundle(states: BundleStates, order: ExecOrder): Promise<number> {
  const { spec } = states.read(order.id);
  const { status, living } = states.look(order.id);
  if (status !== "running" || living === null) {
    throw new BunkerError("not-running", `cannot exec in container ${order.id}: it is ${status}`);
  }
  const process = { ...(await planProcess(spec, order)), keptFds: keptFds(order.preserved) };
  using helper = new BundleHelper();
  const { pid, startTime } = living;
  const request = { op: "join", spec, process, pid, startTime, consoleSocket: order.consoleSocket };
  const started = await helper.order(request, process.keptFds);
  const own = processAt(Number(started["pid"]));
  if (order.pidFile !== null) replaceFile(order.pidFile, String(own.pid));
  if (order.detach) return 0;
  return await passingSignals(own, async () => endOf(await helper.step()));
}

async function planProcess(spec: SandboxSpec, order: ExecOrder): Promise<SandboxSpec["process"]> {
  const { process } = spec;
  if (order.processFile === null) {
    return {
      ...process,
      args: order.args,
      cwd: order.cwd ?? process.cwd,
      env: [...process.env, ...order.env],
      user: order.user ?? process.user,
      terminal: order.terminal,
    };
  }
  const { Field, planBundleProcess } = await loadBundles();
  // The filter is the container's: a process.json has none.
  const facts = { groupsFixed: process.keepGroups, seccomp: process.seccomp };
  const planned = planBundleProcess(new Field("process", readConfig(order.processFile)), facts);
  return { ...planned, terminal: planned.terminal || order.terminal };
}
