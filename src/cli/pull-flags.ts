// Flags of pull, run and create about an image that may have to come: for which machine, and how its registry is asked.

import type { FlagValues } from "./flags.ts";
import type { PullPolicy } from "../container/index.ts";
import type { PullAccess } from "../engine/index.ts";
import { BunkerError } from "../errors.ts";
import { ScanError } from "./strconv.ts";
import { parseDuration } from "./time.ts";
import { hostPlatform, parsePlatform, type Platform } from "../image/index.ts";

/** docker's flag of verbs that act on one image: there is one platform of each here, which must be that one. */
export const PLATFORM_FLAG = { kind: "string", help: "Set platform if server is multi-platform capable" } as const;

/** Flags that say for which machine an image is to be. */
export const PLATFORM_FLAGS = {
  arch: { kind: "string", help: "Use the image for this architecture" },
  os: { kind: "string", help: "Use the image for this operating system" },
  platform: PLATFORM_FLAG,
  variant: { kind: "string", help: "Use the image for this variant of the architecture" },
} as const;

const PULL_POLICIES: readonly PullPolicy[] = ["always", "missing", "never", "newer"];

/** @throws BunkerError in docker's words */
export function parsePullPolicy(text: string, what: string): PullPolicy {
  const policy = PULL_POLICIES.find((known) => known === text);
  if (policy !== undefined) return policy;
  throw new BunkerError("usage", `invalid ${what}: '${text}': must be one of "always", "missing" or "never"`, {
    hint: 'podman\'s "newer" is known too: what is here will do where the registry fails.',
  });
}

/** `null`: this machine's, and not worth a word. @throws BunkerError in podman's words */
export function parseWantedPlatform({
  arch,
  os,
  platform,
  variant,
}: FlagValues<typeof PLATFORM_FLAGS>): Platform | null {
  const isInParts = [arch, os, variant].some((part) => (part ?? "") !== "");
  if (platform !== null && isInParts) {
    throw new BunkerError("usage", "--platform option can not be specified with --arch or --os");
  }
  const usual = process.env["DOCKER_DEFAULT_PLATFORM"] || null;
  if (!isInParts) return (platform ?? usual) === null ? null : parsePlatform(platform ?? usual ?? "");
  const host = hostPlatform();
  const parts = [os || host.os, arch || host.architecture, ...(variant ? [variant] : [])];
  return parsePlatform(parts.join("/"));
}

/** `PLATFORM_FLAG`'s word, which no environment stands in for. @throws BunkerError in docker's words */
export function parseWantedOne(word: string | null): Platform | null {
  return word === null ? null : parsePlatform(word);
}

/** Flags of every verb that asks a registry. */
export const ACCESS_FLAGS = {
  authfile: { kind: "string", help: "Path of the authentication file" },
  "cert-dir": { kind: "string", help: "Directory of certificates for the registry, in the place of certs.d" },
  creds: {
    kind: "string",
    placeholder: "name:password",
    help: "Credentials for the registry, in the place of any file",
  },
  retry: { kind: "integer", help: "Number of times to try again when the registry fails", shownDefault: "3" },
  "retry-delay": { kind: "string", help: "Pause between tries (5s)", parse: parseDelay },
  "tls-verify": {
    kind: "boolean",
    default: true,
    help: "Require HTTPS and verify certificates when contacting registries",
  },
} as const;

function parseDelay(word: string): number {
  const milliseconds = parseDuration(word);
  if (milliseconds >= 0) return milliseconds;
  throw new ScanError(`a pause cannot be negative: ${word}`);
}

/** `given`: --tls-verify is a third thing when nothing was said. @throws BunkerError usage, which never repeats a password */
export function pullAccess(values: FlagValues<typeof ACCESS_FLAGS>, given: ReadonlySet<string>): PullAccess {
  return {
    authFile: values.authfile,
    certDir: values["cert-dir"],
    credentials: values.creds === null ? null : parseCredentials(values.creds),
    tlsVerify: given.has("tls-verify") ? values["tls-verify"] : null,
    ...(values.retry === null ? {} : { retries: Math.max(0, values.retry) }),
    ...(values["retry-delay"] === null ? {} : { retryDelayMs: values["retry-delay"] }),
  };
}

function parseCredentials(text: string): PullAccess["credentials"] {
  const colon = text.indexOf(":");
  if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  const reason = text === "" ? "credentials can't be empty" : colon === 0 ? "username can't be empty" : "no password";
  throw new BunkerError("usage", `--creds: ${reason}`, {
    hint: "Write it as NAME:PASSWORD, or keep both in a file for --authfile, where nobody else sees them.",
  });
}
