// docker's config.json, as far as it concerns a command line: what flags are when they are not given, and the proxies that containers
// are told of. (Who may pull what stands in it too; registry/credentials.ts reads that.)

import { readFileSync, statSync } from "node:fs";
import type { HostEnvironment } from "./environment.ts";
import { printable, warn } from "./output.ts";

/** docker itself keeps no more than some settings and passwords in it. */
const MAX_CONFIG = 1024 * 1024;

/** Names in the file, and variables; docker sets each in both cases. */
const PROXY_VARIABLES = [
  ["httpProxy", "HTTP_PROXY"],
  ["httpsProxy", "HTTPS_PROXY"],
  ["noProxy", "NO_PROXY"],
  ["ftpProxy", "FTP_PROXY"],
  ["allProxy", "ALL_PROXY"],
] as const;

/** `null`: docker's own default. */
export interface DockerConfig {
  detachKeys: string | null;
  imagesFormat: string | null;
  networksFormat: string | null;
  psFormat: string | null;
  volumesFormat: string | null;
  /** `HTTP_PROXY=…`, of the default proxies: there is no daemon that others could be for. */
  proxies: readonly string[];
  /** `label=…` and `label!=…`, for the prune verbs. */
  pruneFilters: readonly string[];
}

const NOTHING: DockerConfig = {
  detachKeys: null,
  imagesFormat: null,
  networksFormat: null,
  psFormat: null,
  volumesFormat: null,
  proxies: [],
  pruneFilters: [],
};

let known: DockerConfig | null = null;

/** Read when first asked for. One that cannot be understood is none, and said to be (docker's way). */
export function dockerConfig(): DockerConfig {
  known ??= readDockerConfig(process.env);
  return known;
}

function readDockerConfig({ DOCKER_CONFIG: directory, HOME: home }: HostEnvironment): DockerConfig {
  const base =
    directory !== undefined && directory !== "" ? directory : home?.startsWith("/") ? `${home}/.docker` : null;
  if (base === null) return NOTHING;
  const path = `${base}/config.json`;
  try {
    // Asked first: mostly there is none, and finding that out by an error would cost `run` half a millisecond.
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return NOTHING;
    if (!found.isFile() || found.size > MAX_CONFIG) throw new Error(`it is no file of at most ${MAX_CONFIG} bytes`);
    return parseDockerConfig(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    warn(`WARNING: Error loading config file: ${printable(`${path}: ${reason}`)}\n`);
    return NOTHING;
  }
}

/** @throws Error for what is not docker's */
export function parseDockerConfig(text: string): DockerConfig {
  const config: unknown = JSON.parse(text);
  if (!isObject(config)) throw new Error("it is no JSON object");
  const pruneFilters = config["pruneFilters"] ?? [];
  if (!Array.isArray(pruneFilters) || !pruneFilters.every((word) => typeof word === "string"))
    throw new Error('"pruneFilters" is not a list of strings');
  return {
    detachKeys: textOf(config, "detachKeys"),
    imagesFormat: textOf(config, "imagesFormat"),
    networksFormat: textOf(config, "networksFormat"),
    psFormat: textOf(config, "psFormat"),
    volumesFormat: textOf(config, "volumesFormat"),
    proxies: proxiesOf(objectOf(objectOf(config, "proxies"), "default")),
    pruneFilters,
  };
}

function proxiesOf(proxies: JsonObject): string[] {
  const words: string[] = [];
  for (const [name, variable] of PROXY_VARIABLES) {
    const value = textOf(proxies, name);
    if (value !== null) words.push(`${variable}=${value}`);
  }
  return words;
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOf(parent: JsonObject, name: string): JsonObject {
  const value = parent[name] ?? {};
  if (!isObject(value)) throw new Error(`"${name}" is no object`);
  return value;
}

/** Empty is as good as missing. */
function textOf(parent: JsonObject, name: string): string | null {
  const value = parent[name] ?? "";
  if (typeof value !== "string") throw new Error(`"${name}" is no string`);
  return value === "" ? null : value;
}

/** The variables of a container: its proxies, unless `-e` says something about the very same name. */
export function withProxies(words: readonly string[], proxies: readonly string[]): string[] {
  const named = new Set(words.map((word) => word.split("=", 1)[0]));
  const added = proxies.flatMap((word) => {
    const equals = word.indexOf("=");
    const [name, value] = [word.slice(0, equals), word.slice(equals)];
    return [name, name.toLowerCase()].filter((each) => !named.has(each)).map((each) => each + value);
  });
  return [...added, ...words];
}

/** Of the file's prune filters those that the command line does not contradict (docker's rule). */
export function withPruneFilters(
  words: readonly (readonly [string, string])[],
  configured: readonly string[],
): (readonly [string, string])[] {
  const contradicts = { label: "label!", "label!": "label" } as const;
  const added = configured.flatMap((word): [string, string][] => {
    const [, key = "", value = ""] = /^(label!?)=(.*)$/s.exec(word) ?? [];
    if (key !== "label" && key !== "label!") return [];
    return words.some((each) => each[0] === contradicts[key] && each[1] === value) ? [] : [[key, value]];
  });
  return [...words, ...added];
}
