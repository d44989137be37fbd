// Image references: docker's grammar and normalisation (distribution/reference), in docker's words when refused.
// Purely textual: says nothing about whether an image exists.

import { BunkerError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";

/** A normalised name: `nginx` has become domain `docker.io`, path `library/nginx`. */
export interface RepositoryName {
  /** Host and optional port, as written; `docker.io` when none was. */
  domain: string;
  path: string;
}

/** A normalised reference. With both tag and digest, the digest says which content is meant. */
export interface Reference extends RepositoryName {
  tag: string | null;
  digest: Digest | null;
}

export const DEFAULT_DOMAIN = "docker.io";
export const DEFAULT_TAG = "latest";
/** Of images made here. */
export const LOCAL_DOMAIN = "localhost";
const LEGACY_DEFAULT_DOMAIN = "index.docker.io";
const OFFICIAL_PREFIX = "library/";
/** Docker's limit on the path alone. */
const MAX_PATH_LENGTH = 255;
/** Longer than anything valid (domain, path, tag, digest): refused before a regular expression sees it. */
const MAX_REFERENCE_LENGTH = 4096;

const DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const PATH_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = `${PATH_COMPONENT}(?:/${PATH_COMPONENT})*`;
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";

const REFERENCE = new RegExp(`^(${DOMAIN})/(${PATH})(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const TAG_ONLY = new RegExp(`^${TAG}$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;

const HINT = "A name looks like host/path:tag or host/path@sha256:…, in lower case.";

function invalid(message: string): BunkerError {
  return new BunkerError("invalid-reference", message, { hint: HINT });
}

/** Docker's rule for whether the first component is a host: `localhost`, a dot, a colon, or an upper-case letter in it. */
function looksLikeDomain(component: string): boolean {
  return component === LOCAL_DOMAIN || /[.:]/.test(component) || component.toLowerCase() !== component;
}

function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  let domain = DEFAULT_DOMAIN;
  let remainder = text;
  if (slash >= 0 && looksLikeDomain(first)) {
    domain = first === LEGACY_DEFAULT_DOMAIN ? DEFAULT_DOMAIN : first;
    remainder = text.slice(slash + 1);
  }
  if (domain === DEFAULT_DOMAIN && !remainder.includes("/")) remainder = OFFICIAL_PREFIX + remainder;
  return { domain, remainder };
}

/**
 * Parses a name as docker does, adding domain and `library/` but no tag. Throws `invalid-reference` in docker's words.
 */
export function parseName(text: string): Reference {
  if (text === "") throw invalid("invalid reference format: repository name must have at least one component");
  if (text.length > MAX_REFERENCE_LENGTH) throw invalid("invalid reference format: reference is too long");
  if (IDENTIFIER.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, remainder } = splitDomain(text);
  const colon = remainder.indexOf(":");
  const remote = colon < 0 ? remainder : remainder.slice(0, colon);
  if (remote.toLowerCase() !== remote) {
    const shown = JSON.stringify(remote.slice(0, 300)).slice(1, -1);
    throw invalid(`invalid reference format: repository name (${shown}) must be lowercase`);
  }
  const match = REFERENCE.exec(`${domain}/${remainder}`);
  if (match === null) {
    throw invalid(`invalid reference format: ${JSON.stringify(text.slice(0, 300))}`);
  }
  const [, host, path, tag, digest] = match as unknown as [
    string,
    string,
    string,
    string | undefined,
    string | undefined,
  ];
  if (path.length > MAX_PATH_LENGTH) {
    throw invalid(`invalid reference format: repository name must not be more than ${MAX_PATH_LENGTH} characters`);
  }
  return { domain: host, path, tag: tag ?? null, digest: digest === undefined ? null : parseDigest(digest) };
}

/** Parses a reference as docker does; without tag and digest it means `latest`. Throws `invalid-reference`. */
export function parseReference(text: string): Reference {
  const name = parseName(text);
  return name.tag === null && name.digest === null ? { ...name, tag: DEFAULT_TAG } : name;
}

/** Whether `text` is a whole id, which is a name of nothing else. */
export function isImageId(text: string): boolean {
  return IDENTIFIER.test(text);
}

/** Whether `text` could be a tag (`[\w][\w.-]{0,127}`). */
export function isTag(text: string): boolean {
  return TAG_ONLY.test(text);
}

/** `docker.io/library/nginx`. */
export function repositoryName(name: RepositoryName): string {
  return `${name.domain}/${name.path}`;
}

/** The full form we store: `docker.io/library/nginx:latest`, `host:5000/a/b:tag@sha256:…`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === null ? "" : `:${reference.tag}`;
  const digest = reference.digest === null ? "" : `@${reference.digest}`;
  return repositoryName(reference) + tag + digest;
}

/** The short form people read: `nginx`, `user/app`, `ghcr.io/a/b`. Read again it is the same name: an image of docker.io may not pass for another host's. */
export function familiarName(name: RepositoryName): string {
  const full = repositoryName(name);
  if (name.domain !== DEFAULT_DOMAIN) return full;
  // `library/` goes only when exactly one component follows it.
  const rest = name.path.startsWith(OFFICIAL_PREFIX) ? name.path.slice(OFFICIAL_PREFIX.length) : "";
  if (rest !== "" && !rest.includes("/")) return IDENTIFIER.test(rest) ? name.path : rest;
  return looksLikeDomain(name.path.slice(0, name.path.indexOf("/"))) ? full : name.path;
}

/** The short form with tag and digest: `nginx:1.27`. */
export function familiarReference(reference: Reference): string {
  const full = formatReference(reference);
  return familiarName(reference) + full.slice(repositoryName(reference).length);
}

/**
 * Under which stored names a name the user typed is looked up, in order: as docker would write it, then, for a name of one
 * component, as a local image (`localhost/name:tag`).
 */
export function lookupNames(text: string): string[] {
  const reference = parseReference(text);
  const names = [formatReference(reference)];
  if (!text.includes("/")) {
    const local = { ...reference, domain: LOCAL_DOMAIN, path: reference.path.slice(OFFICIAL_PREFIX.length) };
    names.push(formatReference(local));
  }
  return names;
}
