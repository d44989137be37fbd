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
  readonly: boolean;
  propagation: string | null;
  recursive: string | null;
  nocopy: boolean;
  size: number | null;
  mode: number | null;
  /** Keys that were there, for the rule that kinds do not mix. */
  keys: Set<string>;
}

const TRUE_WORDS = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE_WORDS = new Set(["0", "f", "F", "FALSE", "false", "False"]);
/** Keys that may stand alone. */
const SWITCHES = new Set(["readonly", "ro", "volume-nocopy", "bind-nonrecursive"]);
const RECURSIVE = ["enabled", "disabled", "writable", "readonly"];
/** Types that docker or podman has and we do not have yet. */
const LATER_TYPES = new Set(["image", "npipe", "cluster", "artifact", "devpts", "glob", "ramfs"]);
const LATER_KEYS = new Set(
  (
    "volume-label volume-driver volume-opt volume-subpath image-subpath subpath u chown idmap relabel no-dereference " +
    "tmpcopyup notmpcopyup noatime uid gid max"
  ).split(" "),
);
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
  // Means something on Docker Desktop alone, which takes anything.
  consistency() {},
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
    readonly: false,
    propagation: null,
    recursive: null,
    nocopy: false,
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
  for (const kind of ["volume", "bind", "tmpfs"]) {
    if (type !== kind && [...keys].some((key) => key.startsWith(`${kind}-`))) {
      throw new BunkerError("usage", `cannot mix '${kind}-*' options with mount type '${type}'`);
    }
  }
}

function assemble(options: MountOptions): MountRequest {
  const { type, source, readonly } = options;
  if (LATER_TYPES.has(type)) throw new BunkerError("unsupported", `mounts of type "${type}" are not supported yet`);
  const prefix = `invalid mount config for type "${type}": `;
  if (type === "bind") return assembleBind(options, prefix);
  if (type !== "volume" && type !== "tmpfs") throw new BunkerError("usage", `${prefix}mount type unknown: "${type}"`);
  const target = parseTarget(options.target, prefix);
  if (type === "volume") {
    if (source !== "" && !isVolumeName(source)) throw refuseVolumeName(source);
    return { kind: "volume", name: source === "" ? null : source, target, readonly, copyUp: !options.nocopy };
  }
  if (source !== "") throw new BunkerError("usage", `${prefix}field Source must not be specified`);
  // docker's --mount forbids executing no more than mount(8) would; --tmpfs does.
  return { kind: "tmpfs", target, size: options.size, mode: options.mode, readonly, exec: true };
}

function assembleBind(options: MountOptions, prefix: string): MountRequest {
  const { source, readonly, recursive } = options;
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
