// config.json's mounts and linux.devices → MountSpec, in their order.

import type { MountSpec } from "../sandbox-spec.ts";
import type { Field } from "./field.ts";

/** What an empty word, or another engine's, means to us. */
const FILE_SYSTEMS: Readonly<Record<string, string>> = {
  cgroup: "cgroup2",
  cgroup2: "cgroup2",
  devpts: "devpts",
  mqueue: "mqueue",
  proc: "proc",
  sysfs: "sysfs",
  tmpfs: "tmpfs",
};
/** The mount's own words that take something away; each has an opposite that is how mounts begin. */
const ATTRIBUTES = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "strictatime"];
const BEGINNING = ["rw", "suid", "dev", "exec", "atime", "diratime", "defaults", "async"];
const PROPAGATION = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];
/** mount(8)'s words that no mount of a container can have, or that only remounts do. */
const REFUSED = [
  "remount",
  "sync",
  "dirsync",
  "mand",
  "iversion",
  "nosymfollow",
  "unbindable",
  "runbindable",
  "idmap",
  "ridmap",
];
const MAX_DEVICE = 0xff_ff_ff;
/** What every container with a new /dev has. */
const CUSTOMARY = ["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"].map((name) => `/dev/${name}`);

/** @throws BunkerError by the field's name */
export function planBundleMounts(mounts: Field, bundle: string): MountSpec[] {
  return mounts.list().map((mount) => {
    mount.ensureNone("uidMappings", "gidMappings");
    const target = cleanTarget(mount.at("destination"));
    const options = mount.at("options");
    const words = options.texts();
    for (const word of words) if (REFUSED.includes(word)) throw options.refused(`"${word}" is not supported`);
    const type = mount.at("type").text() ?? "";
    const isBind = type === "bind" || words.includes("bind") || words.includes("rbind");
    return isBind ? planBind(mount, { target, words, bundle }) : planFilesystem(mount, { target, words, type });
  });
}

/** Without `..`, `.` and double slashes, which mean nothing in a place that is looked up inside the root. */
function cleanTarget(field: Field): string {
  const parts: string[] = [];
  for (const part of field.needed(field.text()).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  if (parts.length === 0) throw field.wrong("is the root itself");
  return `/${parts.join("/")}`;
}

interface BindWords {
  target: string;
  words: string[];
  bundle: string;
}

function planBind(mount: Field, { target, words, bundle }: BindWords): MountSpec {
  const known = ["bind", "rbind", "ro", "rro", "nosuid", "nodev", "noexec", ...BEGINNING, ...PROPAGATION];
  const unknown = words.find((word) => !known.includes(word));
  if (unknown !== undefined) throw mount.at("options").refused(`"${unknown}" is not supported for a bind`);
  const source = mount.at("source").needed(mount.at("source").text());
  const has = (word: string): boolean => words.includes(word);
  return {
    kind: "bind",
    source: source.startsWith("/") ? source : `${bundle}/${source}`,
    target,
    readonly: has("ro") || has("rro"),
    recursive: has("rbind"),
    propagation: words.findLast((word) => PROPAGATION.includes(word)) ?? "",
    dev: !has("nodev"),
    suid: !has("nosuid"),
    exec: !has("noexec"),
  };
}

interface FilesystemWords {
  target: string;
  words: string[];
  type: string;
}

function planFilesystem(mount: Field, { target, words, type }: FilesystemWords): MountSpec {
  const fstype = Object.hasOwn(FILE_SYSTEMS, type) ? FILE_SYSTEMS[type] : undefined;
  if (fstype === undefined) throw mount.at("type").refused(`"${type}" is not supported`);
  const outside = words.find((word) => PROPAGATION.includes(word) && !word.endsWith("private"));
  if (outside !== undefined) throw mount.at("options").refused(`"${outside}" is not supported for a new file system`);
  const ours = [...ATTRIBUTES, ...BEGINNING, ...PROPAGATION, "tmpcopyup", "nofail"];
  const copyUp = words.includes("tmpcopyup");
  if (copyUp && fstype !== "tmpfs") throw mount.at("options").refused('"tmpcopyup" is for tmpfs');
  return {
    kind: "filesystem",
    fstype,
    target,
    attributes: words.filter((word) => ATTRIBUTES.includes(word)),
    options: words.filter((word) => !ours.includes(word)),
    copyUp,
  };
}

/** Devices of the host's, which have there what rights they have. @throws BunkerError by the field's name */
export function planBundleDevices(devices: Field): MountSpec[] {
  return devices.list().flatMap((device) => {
    const target = cleanTarget(device.at("path"));
    if (CUSTOMARY.includes(target)) return [];
    const type = device.at("type");
    if (!["b", "c", "u"].includes(type.text() ?? "")) throw type.refused(`"${type.text()}" is not supported`);
    device.ensureNone("fileMode", "uid", "gid");
    const [major, minor] = [device.at("major"), device.at("minor")];
    const number = [major, minor].map((field) => field.needed(field.integer(0, MAX_DEVICE))) as [number, number];
    return [{ kind: "device", source: target, target, number }];
  });
}
