// Flags that say what a container shares with the host and with other containers → fields of the request. Pure.

import { type CreateRequest, ensureOwnSysctls, type ParsedLine } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { type DeviceRequest, parseDeviceFlag, parseVolumesFrom } from "../volume/index.ts";
import { ScanError } from "./strconv.ts";
import { EXIT_BAD_FLAG, UsageError } from "./usage.ts";
import { parseIdMaps, parseUserns } from "./userns-flag.ts";

/** `--device`, as a flag's parser: docker shows its mistakes with the flag's name. */
export function parseDeviceWord(word: string): DeviceRequest {
  try {
    return parseDeviceFlag(word);
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
    if (error.code === "usage") throw new ScanError(error.message);
    const { message, code, hint } = error;
    throw new UsageError(message, { exitCode: EXIT_BAD_FLAG, code, ...(hint === undefined ? {} : { hint }) });
  }
}

type Spaces = NonNullable<CreateRequest["spaces"]>;

interface SpaceValues {
  "add-host": readonly string[];
  cgroupns: string | null;
  device: readonly DeviceRequest[];
  dns: readonly string[];
  expose: readonly string[];
  gidmap: readonly ParsedLine[];
  hostname: string | null;
  ipc: string | null;
  network: readonly string[];
  pid: string | null;
  privileged: boolean;
  subgidname: string | null;
  subuidname: string | null;
  sysctl: readonly [name: string, value: string][];
  uidmap: readonly ParsedLine[];
  user: string | null;
  userns: string | null;
  uts: string | null;
  "volumes-from": readonly string[];
}

type SpaceOptions = Pick<CreateRequest, "devices" | "privileged" | "spaces" | "userns" | "volumesFrom">;

/** What is in a request only when it was asked for. @throws BunkerError in docker's words */
export function collectSpaces(values: SpaceValues): SpaceOptions {
  const spaces = parseSpaces(values);
  ensureNoConflict(values, spaces);
  return {
    ...(values["volumes-from"].length === 0 ? {} : { volumesFrom: values["volumes-from"].map(parseVolumesFrom) }),
    ...(values.device.length === 0 ? {} : { devices: [...values.device] }),
    ...(values.privileged ? { privileged: true } : {}),
    ...collectUserns(values),
    ...(Object.keys(spaces).length === 0 ? {} : { spaces }),
  };
}

/** podman: with keep-id the process is the caller, whatever the image says. */
function collectUserns(values: SpaceValues): Pick<CreateRequest, "userns"> & { user?: string } {
  const { userns, user } = values;
  const maps = parseIdMaps(values);
  if (maps !== null) return { userns: maps };
  if (userns !== null && (CONTAINER.test(userns) || BY_PATH.test(userns))) return {};
  const mode = parseUserns(userns, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  if (mode === null) return {};
  const isCaller = mode.kind === "keep" && (user === null || user === "");
  return { userns: mode, ...(isCaller ? { user: `${mode.uid}:${mode.gid}` } : {}) };
}

/** Words besides `host`, `container:NAME` and `ns:PATH`; what is usual is not kept. */
const SPACES = {
  pid: { flag: "pid", name: "PID", others: [] },
  ipc: { flag: "ipc", name: "IPC", others: ["none", "shareable"] },
  uts: { flag: "uts", name: "UTS", others: [] },
  cgroup: { flag: "cgroupns", name: "CGROUP", others: [] },
} as const;
const CONTAINER = /^container:./;
const BY_PATH = /^ns:./;
const NOT_YET = /^pod$/;

function parseSpaces(values: SpaceValues): Spaces {
  const spaces: Spaces = {};
  for (const kind of ["pid", "ipc", "uts", "cgroup"] as const) {
    const { flag, name, others } = SPACES[kind];
    const word = values[flag];
    if (word === null || word === "" || word === "private") continue;
    const isOther = (others as readonly string[]).includes(word);
    const isElsewhere = CONTAINER.test(word) || BY_PATH.test(word);
    if (NOT_YET.test(word)) throw new BunkerError("unsupported", `--${flag} ${word} is not supported yet`);
    if (word !== "host" && !isOther && !isElsewhere) {
      throw new BunkerError("usage", `--${flag}: invalid ${name} mode`, {
        hint: `The modes are private, host${others.map((other) => `, ${other}`).join("")}, container:NAME and ns:PATH.`,
      });
    }
    spaces[kind] = word;
  }
  // Whose user namespace it is says which ids it has, too.
  const { userns } = values;
  if (userns !== null && (CONTAINER.test(userns) || BY_PATH.test(userns))) spaces.user = userns;
  return spaces;
}

/** docker's rules of what cannot be had together. */
function ensureNoConflict(values: SpaceValues, spaces: Spaces): void {
  const sharesNetwork = values.network.some((word) => word.startsWith("container:"));
  const hasHostname = values.hostname !== null && values.hostname !== "";
  const conflicts: [boolean, string][] = [
    [spaces.uts !== undefined && hasHostname, "hostname and the UTS mode"],
    [sharesNetwork && hasHostname, "hostname and the network mode"],
    [sharesNetwork && values.dns.length > 0, "dns and the network mode"],
    [sharesNetwork && values["add-host"].length > 0, "custom host-to-IP mapping and the network mode"],
    [sharesNetwork && values.expose.length > 0, "port exposing and the container type network mode"],
  ];
  const found = conflicts.find(([applies]) => applies);
  if (found !== undefined) throw new BunkerError("usage", `conflicting options: ${found[1]}`);
  ensureOwnSysctls(
    values.sysctl.map(([name]) => name),
    { network: true, ipc: spaces.ipc !== "host" },
  );
}
