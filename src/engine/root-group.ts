// Real root's cgroup: before the engine leaves root it is moved into a subtree of its own, which is handed to the id that it becomes
// (cgroups(7), Delegation), so that containers have groups, limits and a freezer. Version 2 only, and only where root may write to it.

import { chownSync, existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";

const TOP = "/sys/fs/cgroup";
/** As docker has `docker` there. */
const TREE = `${TOP}/bunker`;
/** Processes may only be in leaves of a tree that hands on controllers. */
const ENGINE = `${TREE}/engine`;
/** What a delegate gets, and no more: /sys/kernel/cgroup/delegate. */
const HANDED_OVER = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
const CONTROLLERS = ["cpu", "cpuset", "io", "memory", "pids"];

/** Without it containers have no group: what cannot be had is done without, and `info` says so. */
export function enterOwnGroup(owner: { uid: number; gid: number }): void {
  if (!existsSync(`${TOP}/cgroup.controllers`)) return;
  try {
    handOver(TREE, owner);
    for (const group of [TOP, TREE]) enableControllers(group);
    handOver(ENGINE, owner);
    writeFileSync(`${ENGINE}/cgroup.procs`, String(process.pid));
  } catch {
    // Read-only, a container's, or full.
  }
}

function handOver(group: string, { uid, gid }: { uid: number; gid: number }): void {
  mkdirSync(group, { recursive: true });
  if (lstatSync(group).uid === uid) return;
  for (const file of HANDED_OVER) chownSync(`${group}/${file}`, uid, gid);
  // Last: what is its own is whole.
  chownSync(group, uid, gid);
}

/** One by one: a controller that is not there must not cost the others. */
function enableControllers(group: string): void {
  for (const controller of CONTROLLERS) {
    try {
      writeFileSync(`${group}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      // Not there, or another hierarchy's.
    }
  }
}
