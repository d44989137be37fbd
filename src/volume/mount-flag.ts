// `--mount type=…,source=…,target=…`: docker's keys and complaints.

import type { MountRequest } from "./mount-request.ts";
import { BunkerError } from "../errors.ts";
import { parseCsvLine } from "./csv.ts";
import { ensureReachable, PROPAGATIONS } from "./propagation.ts";
import { parseBytes } from "./size.ts";
import { isVolumeName, parseTarget, refuseVolumeName, resolveSource } from "./target.ts";

/** What the keys said, before they are put together. */
interface MountOptions {
  type: string;
  source: string;
  target: string;
  /** `null`: as this type has it. */
  readonly: boolean | null;
  propagation: string | null;
  recursive: string | null;
  nocopy: boolean;
  subpath: string;
  chown: boolean;
  tmpCopyUp: boolean;
  size: number | null;
  mode: number | null;
  /** Keys that were there, for the rule that kinds do not mix. */
  keys: Set<string>;
}

const TRUE_WORDS = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE_WORDS = new Set(["0", "f", "F", "FALSE", "false", "False"]);
/** Keys that may stand alone. */
const SWITCHES = new Set(
  "readonly ro rw readwrite volume-nocopy bind-nonrecursive u chown tmpcopyup notmpcopyup noatime".split(" "),
);
const RECURSIVE = ["enabled", "disabled", "writable", "readonly"];
/** Types that docker or podman has and we do not have yet. */
const LATER_TYPES = new Set(["npipe", "cluster", "artifact", "glob"]);
/** And those that we do not want, with what to do instead. */
const UNWANTED_TYPES: Readonly<Record<string, string>> = {
  devpts: "Every container has terminals of its own at /dev/pts.",
  ramfs: "Nothing limits its size, and the memory is the host's: take type=tmpfs.",
};
const LATER_KEYS = new Set("volume-label volume-driver volume-opt idmap no-dereference uid gid max".split(" "));
const LABELS = ["shared", "private"];
const OCTAL = /^[0-7]{1,4}$/;

type Apply = (options: MountOptions, value: string, key: string) => void;

const KEYS: Readonly<Record<string, Apply>> = {
  type: (options, value) => void (options.type = value.toLowerCase()),
  source: (options, value) => void (options.source = value),
  src: (options, value) => void (options.source = value),
  target: (options, value) => void (options.target = value),
  dst: (options, value) => void (options.target = value),
  destination: (options, value) => void (options.target = value),
  readonly: (options, value, key) => void (options.readonly = parseSwitch(key, value)),
  ro: (options, value, key) => void (options.readonly = parseSwitch(key, value)),
  rw: (options, value, key) => void (options.readonly = !parseSwitch(key, value)),
  readwrite: (options, value, key) => void (options.readonly = !parseSwitch(key, value)),
  // Means something on Docker Desktop alone, which takes anything.
  consistency() {},
  // SELinux labels, which mean nothing here; docker takes z and Z too.
  relabel: (_options, value, key) => ensureOneOf(key, value, LABELS),
  noatime: (_options, value, key) => void parseSwitch(key, value),
  u: (options, value, key) => void (options.chown = parseSwitch(key, value)),
  chown: (options, value, key) => void (options.chown = parseSwitch(key, value)),
  subpath: (options, value) => void (options.subpath = value),
  "volume-subpath": (options, value) => void (options.subpath = value),
  "image-subpath": (options, value) => void (options.subpath = value),
  tmpcopyup: (options, value, key) => void (options.tmpCopyUp = parseSwitch(key, value)),
  notmpcopyup: (options, value, key) => void (options.tmpCopyUp = !parseSwitch(key, value)),
  "bind-propagation": (options, value) => void (options.propagation = value),
  "bind-nonrecursive"(options, value, key) {
    if (parseSwitch(key, value)) options.recursive = "disabled";
  },
  "bind-recursive"(options, value, key) {
    ensureOneOf(key, value, RECURSIVE);
    options.recursive = value;
  },
  "volume-nocopy": (options, value, key) => void (options.nocopy = parseSwitch(key, value)),
  "tmpfs-size"(options, value, key) {
    options.size = parseBytes(value);
    if (options.size === null) throw invalidValue(key, value);
  },
  "tmpfs-mode"(options, value, key) {
    if (!OCTAL.test(value)) throw invalidValue(key, value);
    options.mode = Number.parseInt(value, 8);
  },
};

/** @throws BunkerError usage in docker's words, or unsupported */
export function parseMountFlag(text: string, currentDirectory: string): MountRequest {
  const options: MountOptions = {
    type: "volume",
    source: "",
    target: "",
    readonly: null,
    propagation: null,
    recursive: null,
    nocopy: false,
    subpath: "",
    chown: false,
    tmpCopyUp: false,
    size: null,
    mode: null,
    keys: new Set(),
  };
  for (const field of parseCsvLine(text)) applyField(options, field);
  if (options.type === "") throw new BunkerError("usage", "type is required");
  if (options.target === "") throw new BunkerError("usage", "target is required");
  ensureUnmixed(options);
  options.source = resolveSource(options.source, currentDirectory);
  return assemble(options);
}

function applyField(options: MountOptions, field: string): void {
  const equals = field.indexOf("=");
  const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
  if (LATER_KEYS.has(key)) throw new BunkerError("unsupported", `the mount option "${key}" is not supported yet`);
  if (equals < 0 && !SWITCHES.has(key)) {
    throw new BunkerError("usage", `invalid field '${field}' must be a key=value pair`);
  }
  const apply = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (apply === undefined) throw new BunkerError("usage", `unexpected key '${key}' in '${field}'`);
  options.keys.add(key);
  // A switch that stands alone is on.
  apply(options, equals < 0 ? "true" : field.slice(equals + 1), key);
}

function parseSwitch(key: string, value: string): boolean {
  if (TRUE_WORDS.has(value)) return true;
  if (FALSE_WORDS.has(value)) return false;
  throw invalidValue(key, value);
}

function ensureOneOf(key: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  const words = allowed.map((word) => `"${word}"`);
  throw new BunkerError(
    "usage",
    `invalid value for ${key}: ${value} (must be ${words.slice(0, -1).join(", ")}, or ${words.at(-1)})`,
  );
}

function ensureUnmixed({ type, keys }: MountOptions): void {
  for (const kind of ["volume", "image", "bind", "tmpfs"]) {
    if (type !== kind && [...keys].some((key) => key.startsWith(`${kind}-`))) {
      throw new BunkerError("usage", `cannot mix '${kind}-*' options with mount type '${type}'`);
    }
  }
}

function assemble(options: MountOptions): MountRequest {
  const { type, source } = options;
  if (LATER_TYPES.has(type)) throw new BunkerError("unsupported", `mounts of type "${type}" are not supported yet`);
  const instead = Object.hasOwn(UNWANTED_TYPES, type) ? UNWANTED_TYPES[type] : undefined;
  if (instead !== undefined) {
    throw new BunkerError("unsupported", `mounts of type "${type}" are not supported`, { hint: instead });
  }
  const prefix = `invalid mount config for type "${type}": `;
  const readonly = options.readonly ?? false;
  const owner = options.chown ? { chown: true } : {};
  if (type === "bind") return { ...assembleBind(options, prefix), ...owner };
  if (type === "image") return assembleImage(options, prefix);
  if (type !== "volume" && type !== "tmpfs") throw new BunkerError("usage", `${prefix}mount type unknown: "${type}"`);
  const target = parseTarget(options.target, prefix);
  if (type === "volume") {
    if (source !== "" && !isVolumeName(source)) throw refuseVolumeName(source);
    const name = source === "" ? null : source;
    const subpath = checkSubpath(options.subpath, prefix);
    // What lies below a subpath is what somebody put there: it must be there before.
    const copyUp = !options.nocopy && options.subpath === "";
    return { kind: "volume", name, target, readonly, copyUp, ...subpath, ...owner };
  }
  if (source !== "") throw new BunkerError("usage", `${prefix}field Source must not be specified`);
  // docker's --mount forbids executing no more than mount(8) would; --tmpfs does.
  const copyUp = options.tmpCopyUp ? { copyUp: true } : {};
  return { kind: "tmpfs", target, size: options.size, mode: options.mode, readonly, exec: true, ...copyUp };
}

function assembleImage(options: MountOptions, prefix: string): MountRequest {
  const { source, subpath, readonly } = options;
  if (source === "") throw new BunkerError("usage", `${prefix}field Source must not be empty`);
  const target = parseTarget(options.target, prefix);
  return { kind: "image", image: source, target, readonly: readonly ?? true, ...checkSubpath(subpath, prefix) };
}

/** @throws BunkerError usage in docker's words */
function checkSubpath(subpath: string, prefix: string): { subpath?: string } {
  if (subpath === "") return {};
  const escapes = subpath.startsWith("/") || subpath.split("/").includes("..");
  if (!escapes) return { subpath };
  throw new BunkerError("usage", `${prefix}subpath must be a relative path within the volume`);
}

function assembleBind(options: MountOptions, prefix: string): MountRequest {
  const { source, recursive } = options;
  const readonly = options.readonly ?? false;
  const propagation = options.propagation ?? "rprivate";
  if (source === "") throw new BunkerError("usage", `${prefix}field Source must not be empty`);
  if (!source.startsWith("/")) {
    throw new BunkerError("usage", `${prefix}invalid mount path: '${source}' mount path must be absolute`);
  }
  if (!PROPAGATIONS.includes(propagation)) {
    throw new BunkerError("usage", `${prefix}invalid propagation mode: ${propagation}`);
  }
  ensureReachable(propagation);
  if ((recursive === "writable" || recursive === "readonly") && !readonly) {
    throw new BunkerError(
      "usage",
      `option 'bind-recursive=${recursive}' requires 'readonly' to be specified in conjunction`,
    );
  }
  if (recursive === "writable") {
    throw new BunkerError("unsupported", `the mount option "bind-recursive=writable" is not supported yet`);
  }
  const target = parseTarget(options.target, prefix);
  const isRecursive = recursive !== "disabled";
  return { kind: "bind", source, target, readonly, propagation, recursive: isRecursive, createSource: false };
}

function invalidValue(key: string, value: string): BunkerError {
  return new BunkerError("usage", `invalid value for ${key}: ${value}`);
}
