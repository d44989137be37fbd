// Image configs: bytes in, checked plain data out. An image is data and never policy (security.md I9): only the fields
// below exist for the rest of the engine. Wrong types are refused; single values that mean nothing are dropped with a warning.

import { BunkerError } from "../errors.ts";
import { type Digest, parseContentDigest } from "./digest.ts";
import { parseHealthcheck, type Healthcheck } from "./healthcheck.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "./json.ts";
import type { Manifest } from "./manifest.ts";
import { type Platform, platformFromDocument } from "./platform.ts";

export interface HistoryEntry {
  created: string | null;
  createdBy: string;
  comment: string;
  author: string;
  emptyLayer: boolean;
}

export interface ImageConfig {
  platform: Platform;
  /** RFC 3339; null when absent or not a time. */
  created: string | null;
  author: string;
  /** Bottom first; as many as the manifest has layers. */
  diffIds: Digest[];
  history: HistoryEntry[];
  user: string;
  /** `KEY=value`, each with a name. */
  env: string[];
  entrypoint: string[] | null;
  cmd: string[] | null;
  workingDir: string;
  /** Paths inside. */
  volumes: string[];
  /** `80/tcp`. */
  exposedPorts: string[];
  labels: Record<string, string>;
  stopSignal: string | null;
  healthcheck: Healthcheck | null;
  shell: string[] | null;
  onBuild: string[];
  /** What was dropped and why, for the user. */
  warnings: string[];
}

/** security.md §3: what the kernel takes (MAX_ARG_STRLEN for one), and a bound where it takes anything. */
const MAX_ENV_COUNT = 4096;
const MAX_ENV_BYTES = 128 * 1024;
const MAX_ENV_TOTAL_BYTES = 2 * 1024 * 1024;
const MAX_LABEL_BYTES = 64 * 1024;
const MAX_LABELS_BYTES = 1024 * 1024;
const MAX_PATH_BYTES = 4096;
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const PORT = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(?:tcp|udp|sctp))?$/i;

/** Typed reads of one object's own fields; every complaint names the object and the field. */
class Fields {
  constructor(
    private readonly object: JsonObject,
    private readonly what: string,
  ) {}

  refuse(name: string, wanted: string): BunkerError {
    return new BunkerError("invalid-image", `${this.what}: "${name}" is not ${wanted}`);
  }

  value(name: string): unknown {
    return Object.hasOwn(this.object, name) ? (this.object[name] ?? null) : null;
  }

  text(name: string): string {
    const value = this.value(name) ?? "";
    if (typeof value !== "string") throw this.refuse(name, "a string");
    return value;
  }

  list(name: string): unknown[] | null {
    const value = this.value(name);
    if (value !== null && !Array.isArray(value)) throw this.refuse(name, "a list");
    return value;
  }

  texts(name: string): string[] | null {
    const list = this.list(name);
    if (list === null) return null;
    if (!list.every((item) => typeof item === "string")) throw this.refuse(name, "a list of strings");
    return list;
  }

  child(name: string): JsonObject | null {
    const value = this.value(name);
    if (value !== null && !isJsonObject(value)) throw this.refuse(name, "an object");
    return value;
  }
}

function parseEnv(entries: string[], what: string, warnings: string[]): string[] {
  if (entries.length > MAX_ENV_COUNT)
    throw new BunkerError("invalid-image", `${what}: more than ${MAX_ENV_COUNT} environment entries`);
  let total = 0;
  const kept: string[] = [];
  for (const entry of entries) {
    const bytes = Buffer.byteLength(entry);
    total += bytes;
    if (bytes > MAX_ENV_BYTES || total > MAX_ENV_TOTAL_BYTES)
      throw new BunkerError("invalid-image", `${what}: environment is too large`);
    // An entry without "=" would mean "take it from the host" elsewhere; from an image it means nothing (V46).
    if (entry.indexOf("=") > 0 && !entry.includes("\0")) kept.push(entry);
    else
      warnings.push(
        `the image's environment entry ${JSON.stringify(entry.slice(0, 60))} was ignored: it is not NAME=value`,
      );
  }
  return kept;
}

function parseLabels(object: JsonObject | null, what: string): Record<string, string> {
  let total = 0;
  const labels: [string, string][] = [];
  for (const [key, value] of Object.entries(object ?? {})) {
    if (typeof value !== "string")
      throw new BunkerError("invalid-image", `${what}: label ${JSON.stringify(key.slice(0, 100))} is not a string`);
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
    total += bytes;
    if (bytes > MAX_LABEL_BYTES || total > MAX_LABELS_BYTES)
      throw new BunkerError("invalid-image", `${what}: labels are too large`);
    labels.push([key, value]);
  }
  return Object.fromEntries(labels);
}

function parseVolumes(object: JsonObject | null, warnings: string[]): string[] {
  const paths = Object.keys(object ?? {});
  return paths.filter((path) => {
    const usable = path.startsWith("/") && !path.includes("\0") && Buffer.byteLength(path) < MAX_PATH_BYTES;
    if (!usable)
      warnings.push(`the image's volume ${JSON.stringify(path.slice(0, 60))} was ignored: it is not an absolute path`);
    return usable;
  });
}

function parsePorts(object: JsonObject | null, warnings: string[]): string[] {
  return Object.keys(object ?? {}).filter((port) => {
    const match = PORT.exec(port);
    const usable =
      match !== null && [match[1], match[2] ?? "1"].every((text) => Number(text) >= 1 && Number(text) <= 65535);
    if (!usable)
      warnings.push(`the image's exposed port ${JSON.stringify(port.slice(0, 60))} was ignored: it is not a port`);
    return usable;
  });
}

function parseTime(text: string): string | null {
  return RFC3339.test(text) && Number.isFinite(Date.parse(text)) ? text : null;
}

function parseHistory(entries: unknown[], what: string): HistoryEntry[] {
  return entries.map((entry, at) => {
    if (!isJsonObject(entry)) throw new BunkerError("invalid-image", `${what}: history ${at} is not an object`);
    const fields = new Fields(entry, `${what}: history ${at}`);
    return {
      created: parseTime(fields.text("created")),
      createdBy: fields.text("created_by"),
      comment: fields.text("comment"),
      author: fields.text("author"),
      emptyLayer: fields.value("empty_layer") === true,
    };
  });
}

function parseDiffIds(fields: Fields, what: string): Digest[] {
  const object = fields.child("rootfs");
  if (object === null) throw fields.refuse("rootfs", "an object");
  const rootfs = new Fields(object, `${what}: rootfs`);
  if (rootfs.text("type") !== "layers")
    throw new BunkerError("invalid-image", `${what}: root file system is not made of layers`);
  return (rootfs.list("diff_ids") ?? []).map((id, at) => parseContentDigest(id, `${what}: layer ${at + 1}`));
}

/** Parses an image config exactly as served. `what` opens every message. Throws `invalid-image`. */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const top = new Fields(parseJsonObject(bytes, what), what);
  const run = new Fields(top.child("config") ?? {}, `${what}: config`);
  const warnings: string[] = [];
  const strings = (name: string): string[] | null => run.texts(name);
  for (const name of ["Entrypoint", "Cmd", "Shell"]) {
    if (strings(name)?.some((word) => word.includes("\0"))) throw run.refuse(name, "free of NUL characters");
  }
  return {
    platform: platformFromDocument(
      { os: top.value("os") ?? "linux", architecture: top.value("architecture"), variant: top.value("variant") },
      what,
    ),
    created: parseTime(top.text("created")),
    author: top.text("author"),
    diffIds: parseDiffIds(top, what),
    history: parseHistory(top.list("history") ?? [], what),
    user: run.text("User"),
    env: parseEnv(strings("Env") ?? [], what, warnings),
    entrypoint: strings("Entrypoint"),
    cmd: strings("Cmd"),
    workingDir: run.text("WorkingDir"),
    volumes: parseVolumes(run.child("Volumes"), warnings),
    exposedPorts: parsePorts(run.child("ExposedPorts"), warnings),
    labels: parseLabels(run.child("Labels"), what),
    stopSignal: run.text("StopSignal") || null,
    healthcheck: parseHealthcheck(run.child("Healthcheck"), `${what}: health check`, warnings),
    shell: strings("Shell"),
    onBuild: strings("OnBuild") ?? [],
    warnings,
  };
}

/** Manifest and config must speak of the same stack of layers. Throws `invalid-image`. */
export function ensureConfigFits(config: ImageConfig, manifest: Manifest, what: string): void {
  if (config.diffIds.length === manifest.layers.length) return;
  const counts = `manifest has ${manifest.layers.length} layers, config ${config.diffIds.length}`;
  throw new BunkerError("invalid-image", `${what}: ${counts}`);
}
