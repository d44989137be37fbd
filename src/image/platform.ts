// Platforms: parsing and normalising `os/arch/variant`, the host's own, and which entry of an index suits best.
// Normalisation and fall-back order are containerd's, so that the same index gives the same image as with docker.

import { BunkerError } from "../errors.ts";

/** Normalised: Go's names; `variant` null where it is the architecture's default (amd64 v1, arm64 v8). */
export interface Platform {
  os: string;
  architecture: string;
  variant: string | null;
}

const COMPONENT = /^[A-Za-z0-9_.-]{1,64}$/;
const SYSTEMS = new Set([
  "aix",
  "android",
  "darwin",
  "dragonfly",
  "freebsd",
  "illumos",
  "ios",
  "js",
  "linux",
  "netbsd",
  "openbsd",
  "plan9",
  "solaris",
  "wasip1",
  "windows",
]);
const ARCHITECTURES = new Set([
  "386",
  "amd64",
  "arm",
  "arm64",
  "loong64",
  "mips",
  "mipsle",
  "mips64",
  "mips64le",
  "ppc64",
  "ppc64le",
  "riscv64",
  "s390x",
  "wasm",
]);
/** Machine names that people write for Go's. */
const ALIASES: Readonly<Record<string, readonly [architecture: string, variant: string | null]>> = {
  aarch64: ["arm64", null],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  i386: ["386", null],
  i486: ["386", null],
  i586: ["386", null],
  i686: ["386", null],
  x86_64: ["amd64", null],
  "x86-64": ["amd64", null],
};
const BUN_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  riscv64: "riscv64",
  arm64: "arm64",
  arm: "arm",
};

/** Brings machine names and default variants to one form; unknown names stay as they are. */
export function normalizePlatform(os: string, architecture: string, variant: string | null): Platform {
  const system = os.toLowerCase() === "macos" ? "darwin" : os.toLowerCase();
  let machine = architecture.toLowerCase();
  let level = variant === null || variant === "" ? null : variant.toLowerCase();
  const alias = Object.hasOwn(ALIASES, machine) ? ALIASES[machine] : undefined;
  if (alias !== undefined) {
    machine = alias[0];
    level ??= alias[1];
  }
  if (level !== null && /^[0-9]/.test(level)) level = `v${level}`;
  if (machine === "arm" && level === null) level = "v7";
  if (machine === "arm64" && level === "v8") level = null;
  if (machine === "amd64" && level === "v1") level = null;
  return { os: system, architecture: machine, variant: level };
}

/** The platform containers run on here. */
export function hostPlatform(): Platform {
  return normalizePlatform("linux", BUN_ARCHITECTURES[process.arch] ?? process.arch, null);
}

/** Parses `--platform`: `linux/arm64/v8`, `linux/amd64`, `arm64`, `linux`. Throws `usage` naming what is unknown. */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const bad = parts.length > 3 || parts.some((part) => !COMPONENT.test(part));
  if (bad) {
    throw new BunkerError("usage", `invalid platform ${JSON.stringify(text.slice(0, 100))}`, {
      hint: "Write it as os/architecture[/variant], like linux/arm64.",
    });
  }
  const [first = "", second, third] = parts;
  const host = hostPlatform();
  if (second !== undefined) return normalizePlatform(first, second, third ?? null);
  if (SYSTEMS.has(first.toLowerCase())) return { ...host, os: first.toLowerCase() };
  const alone = normalizePlatform(host.os, first, null);
  if (ARCHITECTURES.has(alone.architecture)) return alone;
  throw new BunkerError("usage", `invalid platform ${JSON.stringify(text)}: unknown operating system or architecture`, {
    hint: "Write it as os/architecture[/variant], like linux/arm64.",
  });
}

/** `linux/arm64`, `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  const base = `${platform.os}/${platform.architecture}`;
  return platform.variant === null ? base : `${base}/${platform.variant}`;
}

/** `v3` → v3, v2, v1 (as null where that is the default). */
function variantsDown(platform: Platform, lowest: number): Platform[] {
  const level = Number((platform.variant ?? "").slice(1));
  if (!Number.isInteger(level) || level > 16) return [platform];
  const result: Platform[] = [];
  for (let n = level; n >= lowest; n -= 1) result.push(normalizePlatform(platform.os, platform.architecture, `v${n}`));
  return result.length === 0 ? [platform] : result;
}

/** Everything a machine of this platform runs, best first. */
export function acceptablePlatforms(platform: Platform): Platform[] {
  const { os, architecture, variant } = platform;
  if (architecture === "amd64") {
    const own = variant === null ? [platform] : variantsDown(platform, 1);
    return [...own, { os, architecture: "386", variant: null }];
  }
  if (architecture === "arm") return variantsDown(platform, 5);
  if (architecture === "arm64") {
    const own = variant === null ? [platform] : variantsDown(platform, 8);
    return [...own, ...variantsDown({ os, architecture: "arm", variant: "v8" }, 5)];
  }
  return [platform];
}

function isSame(a: Platform, b: Platform): boolean {
  return a.os === b.os && a.architecture === b.architecture && a.variant === b.variant;
}

/** Position of `offered` in what `wanted` accepts (0 = exact), or -1. */
export function platformRank(wanted: Platform, offered: Platform): number {
  return acceptablePlatforms(wanted).findIndex((candidate) => isSame(candidate, offered));
}

/** The entries that suit, best first; among equals the index's own order. */
export function rankByPlatform<T extends { platform: Platform | null }>(entries: readonly T[], wanted: Platform): T[] {
  const ranked: { entry: T; rank: number }[] = [];
  for (const entry of entries) {
    const rank = entry.platform === null ? -1 : platformRank(wanted, entry.platform);
    if (rank >= 0) ranked.push({ entry, rank });
  }
  return ranked.sort((a, b) => a.rank - b.rank).map(({ entry }) => entry);
}

/** Reads the `platform` object of a descriptor, or a config's own fields. Throws `invalid-image` for names that are none. */
export function platformFromDocument(
  value: { os?: unknown; architecture?: unknown; variant?: unknown },
  what: string,
): Platform {
  const { os, architecture, variant = null } = value;
  const named = (text: unknown): text is string => typeof text === "string" && COMPONENT.test(text);
  if (!named(os) || !named(architecture) || !(variant === null || variant === "" || named(variant))) {
    throw new BunkerError("invalid-image", `${what}: platform is not valid`);
  }
  return normalizePlatform(os, architecture, variant);
}
