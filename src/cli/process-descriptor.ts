// podman top's descriptors: what a process is in the container, and with an h before it, on the host. Pure.

import { ALL_CAPABILITIES } from "../container/index.ts";
import type { ProcessFacts } from "../engine/index.ts";
import type { Column } from "./process-row.ts";

const SECCOMP_MODES = ["disabled", "strict", "filter"];
/** By their bits, as podman writes them. */
const NAMES = ALL_CAPABILITIES.map((name) => name.slice("CAP_".length));
const HEX = 16;

function column(heading: string, value: Column["value"]): Column {
  return { heading, value };
}

/** As podman: `none`, `full`, or the names. */
function capabilities(field: string): (facts: ProcessFacts) => string {
  return ({ capabilities: sets }) => {
    const set = Number.parseInt(sets[field] ?? "0", HEX);
    const names = NAMES.filter((_name, bit) => Math.floor(set / 2 ** bit) % 2 === 1);
    return names.length === 0 ? "none" : names.length === NAMES.length ? "full" : names.join(",");
  };
}

/** podman: the program alone. */
function program({ words, name }: ProcessFacts): string {
  return words[0] ?? name;
}

function everything({ words, name }: ProcessFacts): string {
  return words.length === 0 ? `[${name}]` : words.join(" ");
}

/** Names of users and groups inside are a stranger's word. */
function named(id: number): string {
  return id === 0 ? "root" : String(id);
}

export const DESCRIPTORS: Readonly<Record<string, Column>> = {
  args: column("COMMAND", everything),
  capamb: column("AMBIENT CAPS", capabilities("CapAmb")),
  capbnd: column("BOUNDING CAPS", capabilities("CapBnd")),
  capeff: column("EFFECTIVE CAPS", capabilities("CapEff")),
  capinh: column("INHERITED CAPS", capabilities("CapInh")),
  capprm: column("PERMITTED CAPS", capabilities("CapPrm")),
  comm: column("COMMAND", ({ name }) => name),
  command: column("COMMAND", program),
  etime: column("ELAPSED", ({ startedAt }, now) => `${Math.max(0, now.getTime() / 1000 - startedAt).toFixed(3)}s`),
  group: column("GROUP", ({ gid }) => named(gid)),
  hgroup: column("HGROUP", ({ hostGid }) => named(hostGid)),
  hpid: column("HPID", ({ pid }) => String(pid)),
  huser: column("HUSER", ({ hostUid }) => named(hostUid)),
  nice: column("NI", ({ nice }) => String(nice)),
  pcpu: column("%CPU", ({ share }) => share.toFixed(3)),
  pgid: column("PGID", ({ group }) => String(group)),
  pid: column("PID", ({ insidePid }) => String(insidePid)),
  ppid: column("PPID", ({ insideParent }) => String(insideParent)),
  rgroup: column("RGROUP", ({ realGid }) => named(realGid)),
  rss: column("RSS", ({ resident }) => String(resident)),
  ruser: column("RUSER", ({ realUid }) => named(realUid)),
  seccomp: column("SECCOMP", ({ seccomp }) => SECCOMP_MODES[seccomp] ?? String(seccomp)),
  state: column("STATE", ({ state }) => state),
  stime: column("STIME", ({ startedAt }) => new Date(startedAt * 1000).toISOString()),
  time: column("TIME", ({ cpu }) => `${Math.floor(cpu)}s`),
  tty: column("TTY", ({ terminal }) => terminal ?? "?"),
  user: column("USER", ({ uid }) => named(uid)),
  vsz: column("VSZ", ({ size }) => String(size)),
};
