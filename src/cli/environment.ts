// `-e`, `--env-file` and `--label`: docker's rules for KEY=VALUE words and the files they come in.

import type { EnvironmentSettings } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { readBounded } from "./file.ts";
import { ScanError } from "./strconv.ts";

/** A file of variables larger than this is something else (a disk, /dev/zero). */
const MAX_ENV_FILE = 4 * 1024 * 1024;

export type HostEnvironment = Readonly<Record<string, string | undefined>>;

/** `-e`, as a flag's parser. @throws ScanError in docker's words */
export function parseEnvironmentWord(word: string): string {
  if (word === "" || word.startsWith("=")) throw new ScanError(`invalid environment variable: ${word}`);
  return word;
}

/** `--env-merge`, as a flag's parser. @throws ScanError */
export function parseMergedWord(word: string): string {
  if (word.indexOf("=") <= 0) throw new ScanError(`invalid environment variable: ${word}`);
  return word;
}

/** `--label`, as a flag's parser. @throws ScanError in docker's words */
export function parseLabelWord(word: string): [key: string, value: string] {
  const equals = word.indexOf("=");
  const key = (equals < 0 ? word : word.slice(0, equals)).trimStart();
  if (key === "") throw new ScanError(`invalid label '${word}': empty name`);
  if (/[ \t]/.test(key)) throw new ScanError(`label '${key}' contains whitespaces`);
  return [key, equals < 0 ? "" : word.slice(equals + 1)];
}

/** Files first, then words; a bare name takes the host's value, and removes the image's where the host has none. */
export function collectEnvironment(
  files: readonly string[],
  words: readonly string[],
  host: HostEnvironment,
): string[] {
  const env: string[] = [];
  for (const path of files) env.push(...readEnvironmentFile(path, host));
  for (const word of words) {
    const value = word.includes("=") || !Object.hasOwn(host, word) ? undefined : host[word];
    env.push(value === undefined ? word : `${word}=${value}`);
  }
  return env;
}

function readEnvironmentFile(path: string, host: HostEnvironment): string[] {
  const bytes = readBounded(path, MAX_ENV_FILE);
  try {
    return parseEnvironmentFile(new TextDecoder("utf-8", { fatal: true }).decode(bytes), host);
  } catch (error) {
    const reason = error instanceof ScanError ? error.message : "it is not UTF-8 text";
    throw new BunkerError("usage", `invalid env file (${path}): ${reason}`, {
      hint: "Each line is NAME=value, or NAME alone to take the value from here; # begins a comment.",
    });
  }
}

/** @throws ScanError in docker's words */
export function parseEnvironmentFile(text: string, host: HostEnvironment): string[] {
  const env: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    const name = equals < 0 ? line : line.slice(0, equals);
    if (/[ \t]/.test(name)) throw new ScanError(`variable '${name}' contains whitespaces`);
    if (name === "") throw new ScanError(`no variable name on line '${line}'`);
    if (equals >= 0) env.push(line);
    else if (Object.hasOwn(host, name) && host[name] !== undefined) env.push(`${name}=${host[name]}`);
  }
  return env;
}

interface EnvironmentValues {
  "env-host": boolean;
  "env-merge": readonly string[];
  "http-proxy": boolean;
  unsetenv: readonly string[];
  "unsetenv-all": boolean;
}

/** As podman hands them on. */
const PROXIES = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]);

/** podman's flags for what else is in the environment. `null`: nothing was said. */
export function collectSettings(values: EnvironmentValues, host: HostEnvironment): EnvironmentSettings | null {
  const names = values["env-host"] ? Object.keys(host) : values["http-proxy"] ? PROXIES : [];
  const settings = {
    host: names.flatMap((name) => (Object.hasOwn(host, name) && name !== "" ? [`${name}=${host[name] ?? ""}`] : [])),
    merge: [...values["env-merge"]],
    unset: [...values.unsetenv],
    unsetAll: values["unsetenv-all"],
  };
  const isSaid = settings.unsetAll || settings.host.length + settings.merge.length + settings.unset.length > 0;
  return isSaid ? settings : null;
}
