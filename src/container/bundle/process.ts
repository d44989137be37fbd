// config.json's process → ProcessSpec.

import type { CapabilitiesSpec, ProcessSpec, RlimitSpec, SeccompSpec } from "../sandbox-spec.ts";
import type { Field } from "./field.ts";

/** docker's largest id. */
const MAX_ID = 0x7f_ff_ff_ff;
const MAX_SIZE = 0xffff;
const DEFAULT_UMASK = 0o022;
const MAX_UMASK = 0o777;
/** RLIM_INFINITY is 2^64-1, which a JavaScript number rounds: anything from here on means unlimited. */
const UNLIMITED_FROM = 2 ** 63;
const OOM_SCORES = 1000;

export interface ProcessFacts {
  /** The kernel lets nobody there change groups (user_namespaces(7)). */
  groupsFixed: boolean;
  seccomp: SeccompSpec;
}

/** @throws BunkerError by the field's name */
export function planBundleProcess(process: Field, facts: ProcessFacts): ProcessSpec {
  if (!process.isThere) throw process.wrong("is missing");
  process.ensureNone("scheduler", "ioPriority", "execCPUAffinity", "commandLine", "selinuxLabel");
  const profile = process.at("apparmorProfile");
  if (profile.asks && profile.text() !== "unconfined") throw profile.refused();
  const args = process.at("args").texts();
  if (args.length === 0 || args[0] === "") throw process.at("args").wrong("names no command");
  const size = process.at("consoleSize");
  const score = process.at("oomScoreAdj").integer(-OOM_SCORES, OOM_SCORES);
  return {
    args,
    env: process.at("env").texts(),
    cwd: process.at("cwd").absolutePath(),
    ...planUser(process.at("user"), facts),
    terminal: process.at("terminal").flag(),
    rows: size.at("height").integer(0, MAX_SIZE) ?? 0,
    columns: size.at("width").integer(0, MAX_SIZE) ?? 0,
    openStdin: true,
    stdinOnce: false,
    capabilities: planCapabilitySets(process.at("capabilities")),
    noNewPrivileges: process.at("noNewPrivileges").flag(),
    seccomp: facts.seccomp,
    rlimits: process.at("rlimits").list().map(planRlimit),
    oomScoreAdj: score ?? null,
    init: false,
  };
}

function planUser(
  user: Field,
  { groupsFixed }: ProcessFacts,
): Pick<ProcessSpec, "user" | "groupAdd" | "keepGroups" | "umask"> {
  const groups = user.at("additionalGids");
  const groupAdd = groups.list().map((field) => String(field.needed(field.integer(0, MAX_ID))));
  if (groupsFixed && groupAdd.length > 0) throw groups.refused("cannot be had where only one id is mapped");
  const [uid, gid] = [user.at("uid"), user.at("gid")];
  return {
    user: `${uid.integer(0, MAX_ID) ?? 0}:${gid.integer(0, MAX_ID) ?? 0}`,
    groupAdd,
    keepGroups: groupsFixed,
    umask: user.at("umask").integer(0, MAX_UMASK) ?? DEFAULT_UMASK,
  };
}

function planCapabilitySets(capabilities: Field): CapabilitiesSpec {
  const set = (name: string): string[] => capabilities.at(name).texts();
  const [permitted, inheritable] = [set("permitted"), set("inheritable")];
  // The kernel gives no others, and the specification wants no error for that.
  const ambient = set("ambient").filter((name) => permitted.includes(name) && inheritable.includes(name));
  return {
    bounding: set("bounding"),
    nonRoot: [],
    sets: { effective: set("effective"), permitted, inheritable, ambient },
  };
}

function planRlimit(rlimit: Field): RlimitSpec {
  const type = rlimit.at("type");
  const name = type.needed(type.text());
  if (!name.startsWith("RLIMIT_")) throw type.wrong("is no limit (setrlimit(2))");
  const value = (field: Field): number => {
    const { value: given } = field;
    if (typeof given === "number" && given >= UNLIMITED_FROM) return -1;
    return field.needed(field.integer());
  };
  return { name: name.slice("RLIMIT_".length), soft: value(rlimit.at("soft")), hard: value(rlimit.at("hard")) };
}
