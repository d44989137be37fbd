// Flags of run and create about an image that may have to come first: for which machine, and how its registry is asked.

import type { PullAccess } from "../engine/index.ts";
import { BunkerError } from "../errors.ts";
import { hostPlatform, parsePlatform, type Platform } from "../image/index.ts";

interface PlatformValues {
  arch: string | null;
  os: string | null;
  platform: string | null;
  variant: string | null;
}

/** `null`: this machine's, and not worth a word. @throws BunkerError in podman's words */
export function parseWantedPlatform({ arch, os, platform, variant }: PlatformValues): Platform | null {
  const isInParts = [arch, os, variant].some((part) => (part ?? "") !== "");
  if (platform !== null && isInParts) {
    throw new BunkerError("usage", "--platform option can not be specified with --arch or --os");
  }
  if (!isInParts) return platform === null ? null : parsePlatform(platform);
  const host = hostPlatform();
  const parts = [os || host.os, arch || host.architecture, ...(variant ? [variant] : [])];
  return parsePlatform(parts.join("/"));
}

interface AccessValues {
  authfile: string | null;
  "tls-verify": boolean;
}

/** `given`: --tls-verify is a third thing when nothing was said. */
export function pullAccess(values: AccessValues, given: ReadonlySet<string>): PullAccess {
  return { authFile: values.authfile, tlsVerify: given.has("tls-verify") ? values["tls-verify"] : null };
}
