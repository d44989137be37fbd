// What a test needs from the machine. A test whose need is not met is skipped and says why; with BUNKER_TEST_MUST_RUN=1 (CI)
// that is a failure.
//
//   const e2e = requires("root", "userns", "skopeo");
//   e2e("pulls …", async () => { … });

import { test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { testUser } from "./user.ts";

const ROOT = join(import.meta.dir, "../..");

/** Debian's programs and packages where the names differ from what we ask for. */
const PROGRAMS = [
  "apt-get",
  "busybox",
  "crun",
  "docker-registry",
  "fish",
  "fuse-overlayfs",
  "htpasswd",
  "ip",
  "mandoc",
  "mmdebstrap",
  "nft",
  "openssl",
  "pasta",
  "podman",
  "runc",
  "skopeo",
  "slirp4netns",
  "strace",
  "umoci",
  "zsh",
  "zstd",
] as const;

export type Need = (typeof PROGRAMS)[number] | keyof typeof CHECKS;

/** Each returns what is missing, or null. */
const CHECKS = {
  root: () => (process.getuid?.() === 0 ? null : "root (the engine itself runs as an ordinary user)"),
  bunker: () => (existsSync(join(ROOT, "dist/bunker")) ? null : "dist/bunker (npm run build)"),
  probe: () => (existsSync(join(ROOT, "dist/test/probe")) ? null : "dist/test/probe (npm run build -- --probe)"),
  userns: () =>
    asUser(["unshare", "--user", "--map-root-user", "true"]) ? null : "user namespaces for ordinary users",
  subids: () => (asUser(["newuidmap", "--help"]) ? null : "newuidmap (Debian: uidmap)"),
  cgroup2: () => (/^nodev\s+cgroup2$/m.test(procFilesystems()) ? null : "cgroup v2"),
};

const answers = new Map<Need, string | null>();

/** `test`, or a stand-in that skips, or fails where tests must run, and says what is missing. */
export function requires(...needs: Need[]): typeof test {
  const missing = needs.flatMap((need) => lacking(need) ?? []);
  if (missing.length === 0) return test;
  const reason = `this machine lacks ${missing.join(", ")}`;
  if (process.env["BUNKER_TEST_MUST_RUN"] === "1") return failing(reason);
  console.warn(`skipped: ${reason}`);
  return test.skip;
}

function failing(reason: string): typeof test {
  const register = (name: string) => {
    test(name, () => {
      throw new Error(reason);
    });
  };
  return Object.assign(register, test);
}

/** Registers tests that take minutes only when asked for (`npm run test:long`). */
export function whenLong(register: () => void): void {
  if (isLong()) register();
}

export function isLong(): boolean {
  return process.env["BUNKER_TEST_LONG"] === "1";
}

function lacking(need: Need): string | null {
  const known = answers.get(need);
  if (known !== undefined) return known;
  const answer = need in CHECKS ? CHECKS[need as keyof typeof CHECKS]() : lackingProgram(need);
  answers.set(need, answer);
  return answer;
}

function lackingProgram(name: string): string | null {
  return Bun.which(name) === null ? `the program ${name}` : null;
}

function asUser(command: string[]): boolean {
  if (CHECKS.root() !== null) return false;
  const { uid, gid } = testUser("subids");
  const { exitCode } = Bun.spawnSync(["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", ...command]);
  // newuidmap answers --help with 1; a missing program gives 127, one that may not be run 126.
  return exitCode === 0 || exitCode === 1;
}

function procFilesystems(): string {
  return new TextDecoder().decode(Bun.spawnSync(["cat", "/proc/filesystems"]).stdout);
}
