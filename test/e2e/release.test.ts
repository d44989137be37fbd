// A release as it is given away, in long mode: it builds for both architectures. What is in it, and that the sums say so; what can be
// tried of the other architecture's program is, by an emulator: everything but containers, which need a kernel of its own.

import { describe, expect } from "bun:test";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { requires, whenLong } from "../support/guards.ts";
import { runProgram } from "../support/program.ts";

const ROOT = join(import.meta.dir, "../..");
const RELEASE = join(ROOT, "dist/release");
const ARM64_ROOT = "/usr/aarch64-linux-gnu";
const NOBODY = 65_534;
const TIMEOUT_MS = 1_200_000;

whenLong(() => {
  describe("a release", () => {
    requires("root")(
      "holds both programs, their papers, pages and scripts, and the sums of all",
      async () => {
        const said = await runProgram(["sh", "scripts/release.sh"], { cwd: ROOT });
        for (const architecture of ["amd64", "arm64"]) {
          expect(said).toMatch(new RegExp(`bunker-linux-${architecture}: bunker version `));
        }
        const sums = readFileSync(join(RELEASE, "SHA256SUMS"), "utf8");
        for (const name of ["LICENCES.txt", "bunker.cdx.json", "man/bunker-run.1", "completions/bunker.fish"]) {
          expect(sums).toContain(`  ${name}\n`);
        }
        await runProgram(["sha256sum", "--check", "--quiet", "SHA256SUMS"], { cwd: RELEASE });
        // Not stripped: what it carries is behind what a linker knows of.
        const machine = await runProgram(["readelf", "-h", join(RELEASE, "bunker-linux-arm64")]);
        expect(machine).toContain("AArch64");
      },
      TIMEOUT_MS,
    );

    requires("root")("for arm64 does under an emulator all that needs no kernel of its own", async () => {
      const emulator = Bun.which("qemu-aarch64-static") ?? Bun.which("qemu-aarch64");
      if (emulator === null || !existsSync(ARM64_ROOT)) return;
      // Somebody's who may be anybody.
      const home = mkdtempSync("/var/tmp/bunker-arm64-");
      try {
        copyFileSync(join(RELEASE, "bunker-linux-arm64"), join(home, "bunker"));
        chmodSync(join(home, "bunker"), 0o755);
        chownSync(home, NOBODY, NOBODY);
        const run = (...words: string[]) => {
          const who = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
          const command = [...who, emulator, "-L", ARM64_ROOT, join(home, "bunker"), ...words];
          const { stdout, stderr } = Bun.spawnSync(command, { env: { PATH: "/usr/bin:/bin", HOME: home }, cwd: "/" });
          return `${stdout.toString()}${stderr.toString()}`;
        };
        expect(run("help", "run")).toContain("Usage:");
        expect(run("completion", "bash")).toContain("_bunker_complete");
        // The addon is loaded, and the database is there.
        expect(run("images")).toStartWith("REPOSITORY");
        expect(run("ps", "-a")).toStartWith("CONTAINER ID");
        expect(run("info")).toContain("Architecture: aarch64");
        expect(run("run", "--rm", "hello")).toContain("this is an emulator");
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    });
  });
});
