// What the posture probe (crates/probe) found in a container, made comparable: numbers that differ from run to run go, what
// is the host's and what is the container's own is told apart. Expected records lie in test/expected.
//
//   const posture = readPosture(stdout);
//   expectPosture("default", posture);      // BUNKER_UPDATE_EXPECTED=1 writes the record instead

import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";

const EXPECTED = join(import.meta.dir, "../expected");

type Answers = Record<string, string>;

/** The probe's output. */
export interface ProbeRecord {
  status: Answers;
  namespaces: Answers;
  mounts: string[];
  uidMap: string;
  gidMap: string;
  limits: Answers;
  environment: string[];
  cwd: string;
  cgroup: string;
  lsm: string;
  oomScoreAdj: string;
  fds: Answers;
  process: Record<string, number>;
  sysctls: Answers;
  devices: Answers;
  paths: Record<string, { kind: string; read: string; write?: string }>;
  keyring: Answers;
  sockets: Answers;
  cases: Answers;
  syscalls: Answers;
}

/** Flat: "part/name" → text. Two containers made alike have the same. */
export type Posture = Record<string, string>;

/** Fields of /proc/self/status that are about rights. */
const STATUS = "Uid Gid Groups Umask CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Seccomp_filters".split(" ");
/** The others are the machine's, or as much as the machine's hard limit allows. */
const LIMITS = ["Max core file size", "Max locked memory"];
/** Where things of this run lie, and whose: layers, ids, sizes. */
const VARIABLE_OPTION = /^(lowerdir\+?|upperdir|workdir|size|nr_inodes|uuid|user_id|group_id|uid|gid)=/;
/** Where a container's named pipes lie on the host. */
const CONTAINER_DIRECTORY = /^.*\/containers\/[0-9a-f]{64}\//;
/** File systems whose own options an engine chooses. All others are the host's disks, whatever their type. */
const MADE_BY_ENGINES = new Set(["cgroup2", "devpts", "devtmpfs", "mqueue", "overlay", "proc", "sysfs", "tmpfs"]);

/** Of parts that were not asked for. */
const NOTHING: ProbeRecord = {
  status: {},
  namespaces: {},
  mounts: [],
  uidMap: "",
  gidMap: "",
  limits: {},
  environment: [],
  cwd: "",
  cgroup: "",
  lsm: "",
  oomScoreAdj: "",
  fds: {},
  process: {},
  sysctls: {},
  devices: {},
  paths: {},
  keyring: {},
  sockets: {},
  cases: {},
  syscalls: {},
};

/** What the probe printed, all of it or some parts. */
export function parsePosture(text: string): ProbeRecord {
  return { ...NOTHING, ...(JSON.parse(text) as Partial<ProbeRecord>) };
}

/** The same, comparable. */
export function readPosture(text: string): Posture {
  return normalise(parsePosture(text), readHostNamespaces());
}

function readHostNamespaces(): Answers {
  const names = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
  return Object.fromEntries(names.map((name) => [name, readlinkSync(`/proc/self/ns/${name}`)]));
}

function normalise(record: ProbeRecord, hostNamespaces: Answers): Posture {
  const flat: Posture = {};
  const put = (part: string, answers: Answers) => {
    for (const [name, answer] of Object.entries(answers)) flat[`${part}/${name}`] = answer;
  };
  put("status", pick(record.status, STATUS));
  put("limits", pick(record.limits, LIMITS));
  put(
    "namespaces",
    mapValues(record.namespaces, (inode, name) => (inode === hostNamespaces[name] ? "host" : "own")),
  );
  for (const line of record.mounts) put("mounts", describeMount(line));
  put("maps", { uid: squeeze(record.uidMap), gid: squeeze(record.gidMap) });
  put("environment", Object.fromEntries(record.environment.map((name) => [name, "set"])));
  put(
    "fds",
    mapValues(record.fds, (target) => target.replace(/\[\d+\]/, "[]").replace(CONTAINER_DIRECTORY, "")),
  );
  put("process", mapValues(record.process, String));
  put("sysctls", withoutKeys(record.sysctls, ["kernel/hostname"]));
  put("devices", record.devices);
  put(
    "paths",
    mapValues(record.paths, ({ kind, read, write = "-" }) => `${kind} read:${read} write:${write}`),
  );
  put("keyring", record.keyring);
  put("sockets", record.sockets);
  put("cases", record.cases);
  put("syscalls", record.syscalls);
  put("other", { cwd: record.cwd, lsm: record.lsm, oomScoreAdj: record.oomScoreAdj });
  return flat;
}

/** proc_pid_mountinfo(5): target → type, sorted options and propagation. A later mount on the same place hides the former. */
function describeMount(line: string): Answers {
  const [place = "", origin = ""] = line.split(" - ");
  const [, , , , target = "", options = "", ...tags] = place.split(" ");
  const [type = "", , superOptions = ""] = origin.split(" ");
  const made = MADE_BY_ENGINES.has(type);
  const shown = [...new Set([...options.split(","), ...(made ? superOptions.split(",") : [])])]
    .filter((option) => !VARIABLE_OPTION.test(option))
    .sort();
  const propagation = tags.map((tag) => tag.replace(/:\d+$/, "")).join(" ");
  return { [target]: [made ? type : "disk", shown.join(","), propagation].filter((part) => part !== "").join(" ") };
}

function pick(answers: Answers, names: string[]): Answers {
  return Object.fromEntries(names.flatMap((name) => (answers[name] === undefined ? [] : [[name, answers[name]]])));
}

function withoutKeys(answers: Answers, names: string[]): Answers {
  return Object.fromEntries(Object.entries(answers).filter(([name]) => !names.includes(name)));
}

function mapValues<T>(values: Record<string, T>, change: (value: T, name: string) => string): Answers {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value, name)]));
}

function squeeze(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trim().replace(/\s+/g, " "))
    .join(", ");
}

/** Lines "property: expected … but …", sorted. */
export function comparePostures(expected: Posture, actual: Posture): string[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
  return names.flatMap((name) => {
    const [wanted = "nothing", found = "nothing"] = [expected[name], actual[name]];
    return wanted === found ? [] : [`${name}: expected "${wanted}", found "${found}"`];
  });
}

/** What differs in `posture` from `base`, and how it is there. */
export function changesFrom(base: Posture, posture: Posture): Posture {
  const names = [...new Set([...Object.keys(base), ...Object.keys(posture)])];
  return Object.fromEntries(
    names.flatMap((name) => (base[name] === posture[name] ? [] : [[name, posture[name] ?? "nothing"]])),
  );
}

/** What depends on the kernel: its version, and how it was built. */
const OF_THE_KERNEL = /^(?:syscalls|paths|sockets|keyring|sysctls|mounts)\//;

/** @throws naming every property that is not as recorded; a record of another kernel counts only as far as it can */
export function expectPosture(name: string, posture: Posture): void {
  const path = join(EXPECTED, `posture-${name}.json`);
  const kernel = release().split(".", 2).join(".");
  if (process.env["BUNKER_UPDATE_EXPECTED"] === "1") {
    mkdirSync(EXPECTED, { recursive: true });
    const sorted = Object.fromEntries(Object.entries(posture).sort(([one], [other]) => (one < other ? -1 : 1)));
    writeFileSync(path, `${JSON.stringify({ kernel, posture: sorted }, null, 2)}\n`);
    return;
  }
  const record = JSON.parse(readFileSync(path, "utf8")) as { kernel: string; posture: Posture };
  const counts = (line: string) => record.kernel === kernel || !OF_THE_KERNEL.test(line);
  const differences = comparePostures(record.posture, posture).filter(counts);
  if (differences.length > 0) throw new Error(`the posture is not that of ${path}:\n${differences.join("\n")}`);
}
