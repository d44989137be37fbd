// `--sysctl`: which settings of the kernel are a container's own. Names are compared exactly, for whoever may name another
// setting sets the host's (CVE-2022-0811).

import { BunkerError } from "../errors.ts";

/** As docker's list: settings of an IPC namespace. */
const IPC = new Set(
  ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map(
    (name) => `kernel.${name}`,
  ),
);
const NETWORK = /^net(?:\.[a-zA-Z0-9_-]+)+$/;
const QUEUES = /^fs\.mqueue\.[a-z_]+$/;

/** Whether it can be a container's own at all. */
export function isNamespacedSysctl(name: string): boolean {
  return IPC.has(name) || NETWORK.test(name) || QUEUES.test(name);
}

/** @throws BunkerError in runc's words where one of them would be the host's own */
export function ensureOwnSysctls(names: readonly string[], own: { network: boolean; ipc: boolean }): void {
  const ofNetwork = own.network ? undefined : names.find((name) => NETWORK.test(name));
  const ofIpc = own.ipc ? undefined : names.find((name) => IPC.has(name) || QUEUES.test(name));
  const foreign = ofNetwork ?? ofIpc;
  if (foreign === undefined) return;
  const kind = ofNetwork === undefined ? "ipc" : "network";
  throw new BunkerError("usage", `sysctl "${foreign}" not allowed in host ${kind} namespace`, {
    hint: `It would be the host's setting. Leave out --${kind} host or this --sysctl.`,
  });
}
