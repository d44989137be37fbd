// Auth files, docker's config.json and podman's auth.json (containers-auth.json(5)): text in, the entry for a repository
// out. Pure: reads no files, runs no helpers.

import { BunkerError } from "../errors.ts";
import { isJsonObject, type JsonObject, parseJsonObject, type RepositoryName } from "../image/index.ts";
import { printable } from "./text.ts";
import type { Credentials } from "./settings.ts";

export interface AuthFile {
  path: string;
  auths: JsonObject;
  /** Host → helper's name. */
  helpers: JsonObject;
  /** The helper for all hosts, or null. */
  store: string | null;
}

/** Real ones are a few KiB. */
export const MAX_AUTH_FILE_BYTES = 1024 * 1024;
const DOCKER_HUB_HOSTS = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);
const REPAIR = "Repair the file, remove it, or log in anew.";

export function badAuthFile(path: string, reason: string, cause?: unknown): BunkerError {
  return new BunkerError("unauthorized", `reading credentials from ${JSON.stringify(path)}: ${reason}`, {
    hint: REPAIR,
    cause,
  });
}

function objectField(document: JsonObject, name: string, path: string): JsonObject {
  const value = document[name] ?? {};
  if (!isJsonObject(value)) throw badAuthFile(path, `"${name}" is not an object`);
  return value;
}

/** Parses an auth file; its other keys are none of our business. @throws BunkerError unauthorized */
export function parseAuthFile(bytes: Uint8Array, path: string): AuthFile {
  let document: JsonObject;
  try {
    document = parseJsonObject(bytes, "auth file", MAX_AUTH_FILE_BYTES);
  } catch (error) {
    throw badAuthFile(path, (error as Error).message.replace(/^auth file: /, ""), error);
  }
  const store = document["credsStore"] ?? null;
  if (store !== null && typeof store !== "string") throw badAuthFile(path, '"credsStore" is not a string');
  return {
    path,
    auths: objectField(document, "auths", path),
    helpers: objectField(document, "credHelpers", path),
    store: store === "" ? null : store,
  };
}

/** One name for a host that goes by several. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return DOCKER_HUB_HOSTS.has(lower) ? "docker.io" : lower;
}

/** `https://index.docker.io/v1/` → `docker.io`; `quay.io/team/` → `quay.io/team`. A key with a scheme means its host. */
function canonicalKey(key: string): string {
  const match = /^https?:\/\//i.exec(key);
  const bare = key.slice(match?.[0].length ?? 0).replace(/\/+$/, "");
  const slash = bare.indexOf("/");
  if (slash < 0) return canonicalHost(bare);
  const host = canonicalHost(bare.slice(0, slash));
  return match === null ? `${host}${bare.slice(slash)}` : host;
}

/**
 * How well a key of `auths` fits a repository: the length of what they share, or -1. A key is a host, or the host and the
 * first components of the path; of several the longest decides.
 */
export function authKeyRank(key: string, name: RepositoryName): number {
  const wanted = `${canonicalHost(name.domain)}/${name.path}`;
  const offered = canonicalKey(key);
  return offered !== "" && `${wanted}/`.startsWith(`${offered}/`) ? offered.length : -1;
}

function decodeAuth(text: string, where: string, path: string): { username: string; password: string } {
  const decoded = Buffer.from(text, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) throw badAuthFile(path, `"auth" of ${where} is not user:password in base64`);
  // docker strips the padding that some old tools wrote.
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/^\0+|\0+$/g, "") };
}

function parseEntry(entry: unknown, where: string, path: string): Credentials | null {
  if (!isJsonObject(entry)) throw badAuthFile(path, `the entry of ${where} is not an object`);
  const text = (name: string): string => {
    const value = entry[name] ?? "";
    if (typeof value !== "string") throw badAuthFile(path, `"${name}" of ${where} is not a string`);
    return value;
  };
  const auth = text("auth");
  const pair = auth === "" ? { username: text("username"), password: text("password") } : decodeAuth(auth, where, path);
  const identityToken = text("identitytoken");
  const registryToken = text("registrytoken");
  const isEmpty = pair.username === "" && identityToken === "" && registryToken === "";
  if (isEmpty) return null;
  return {
    ...pair,
    ...(identityToken === "" ? {} : { identityToken }),
    ...(registryToken === "" ? {} : { registryToken }),
  };
}

/** The credentials that the file's `auths` hold for a repository. `docker login` with a helper leaves empty entries: null. */
export function findAuth(file: AuthFile, name: RepositoryName): Credentials | null {
  const ranked = Object.keys(file.auths)
    .map((key) => ({ key, rank: authKeyRank(key, name) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => b.rank - a.rank);
  for (const { key } of ranked) {
    const found = parseEntry(file.auths[key], JSON.stringify(printable(key)), file.path);
    if (found !== null) return found;
  }
  return null;
}

/** The helper that `credHelpers` names for a host, or null. */
export function findHelper(file: AuthFile, name: RepositoryName): string | null {
  const wanted = canonicalHost(name.domain);
  const key = Object.keys(file.helpers).find((candidate) => canonicalKey(candidate) === wanted);
  if (key === undefined) return null;
  const helper = file.helpers[key];
  if (typeof helper !== "string")
    throw badAuthFile(file.path, `the helper of ${JSON.stringify(printable(key))} is not a string`);
  return helper === "" ? null : helper;
}
