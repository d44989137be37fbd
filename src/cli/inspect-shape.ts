// docker's inspect JSON as Go's types: which objects are maps, which nulls are nil lists or maps. Templates need it, JSON does not.

import { GoNil } from "./template.ts";

/** Fields that hold maps in the Engine API; every other object is a struct. */
const MAPS: ReadonlySet<string> = new Set([
  "Annotations",
  "Data",
  "DriverOpts",
  "ExposedPorts",
  "Labels",
  "Networks",
  "Options",
  "Ports",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);
/** Fields that hold lists. */
const LISTS: ReadonlySet<string> = new Set([
  "Aliases",
  "Args",
  "Binds",
  "BlkioDeviceReadBps",
  "BlkioDeviceReadIOps",
  "BlkioDeviceWriteBps",
  "BlkioDeviceWriteIOps",
  "BlkioWeightDevice",
  "CapAdd",
  "CapDrop",
  "Cmd",
  "DNSNames",
  "DeviceCgroupRules",
  "DeviceRequests",
  "Devices",
  "Dns",
  "DnsOptions",
  "DnsSearch",
  "Entrypoint",
  "Env",
  "ExecIDs",
  "ExtraHosts",
  "GroupAdd",
  "Layers",
  "Links",
  "MaskedPaths",
  "Mounts",
  "OnBuild",
  "ReadonlyPaths",
  "RepoDigests",
  "RepoTags",
  "SecurityOpt",
  "Shell",
  "Test",
  "Ulimits",
  "VolumesFrom",
]);

/** Fields that docker's JSON leaves out when they are nil, by the object they belong to; templates ask for them all the same. */
const OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  "(object)": ["SizeRw", "SizeRootFs"],
  State: ["Health"],
  Config: ["Healthcheck", "OnBuild", "Shell", "StopTimeout"],
};

/** JSON of `docker inspect` as a template's data. */
export function shapeInspection(value: unknown, field = "(object)", parent = ""): unknown {
  const map = MAPS.has(field) || (field === "Config" && parent === "LogConfig");
  if (value === null || value === undefined) {
    if (map) return new GoNil("map");
    // A port that is exposed but not published.
    return LISTS.has(field) || parent === "Ports" ? new GoNil("slice") : null;
  }
  if (Array.isArray(value)) return value.map((item) => shapeInspection(item, "", field));
  if (typeof value !== "object") return value;
  const optional = map || !Object.hasOwn(OPTIONAL, field) ? [] : (OPTIONAL[field] ?? []);
  const missing = optional.filter((name) => !Object.hasOwn(value, name));
  const known = Object.entries(value).concat(missing.map((name) => [name, null]));
  const entries = known.map(([name, item]) => [name, shapeInspection(item, name, field)] as const);
  return map ? new Map(entries) : Object.fromEntries(entries);
}
