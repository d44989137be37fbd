// Capability names and the default set: podman's eleven, everywhere. Decides; applies nothing.

import { BunkerError } from "../errors.ts";

/** The default bounding set (security baseline): what an ordinary image needs, and no more. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

/** Every capability of capabilities(7), in the kernel's order. */
export const ALL_CAPABILITIES: readonly string[] = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
  .split(" ")
  .map((name) => `CAP_${name}`);

/** `net_admin`, `CAP_NET_ADMIN` → `CAP_NET_ADMIN`; `ALL` stays. @throws BunkerError usage */
export function parseCapability(word: string): string {
  const upper = word.toUpperCase();
  if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!ALL_CAPABILITIES.includes(name)) {
    throw new BunkerError("usage", `invalid capability "${word}"`, {
      hint: "capabilities(7) lists the names; write them with or without CAP_.",
    });
  }
  return name;
}

/** The bounding set, and what `--cap-add` named (a non-root user keeps exactly those). docker's order of ALL. */
export function planCapabilities(add: string[], drop: string[]): { bounding: string[]; nonRoot: string[] } {
  const added = add.map(parseCapability);
  const dropped = drop.map(parseCapability);
  const set = new Set<string>(dropped.includes("ALL") ? [] : DEFAULT_CAPABILITIES);
  if (added.includes("ALL")) for (const name of ALL_CAPABILITIES) set.add(name);
  for (const name of dropped) if (!added.includes(name)) set.delete(name);
  const named = added.filter((name) => name !== "ALL");
  for (const name of named) set.add(name);
  const bounding = ALL_CAPABILITIES.filter((name) => set.has(name));
  return { bounding, nonRoot: bounding.filter((name) => named.includes(name)) };
}
