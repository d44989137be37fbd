// What reads strangers' bytes in Rust under the fuzzer (crates/runtime/src/fuzz.rs), for long: archives, compressed frames,
// passwd and group files, seccomp profiles; packets and their pieces, DNS messages and streams, resolv.conf, what netlink says. The
// compiler's counters need no nightly toolchain, but a build of their own, which takes a minute: what every run of the tests has is
// random inputs (proptest), and clippy reads these targets whenever it is run (cfg(clippy)), so that they do not fall behind.

import { expect, test } from "bun:test";
import { join } from "node:path";

import { whenLong } from "../support/guards.ts";
import { testSeed } from "../support/random.ts";

const CRATES = join(import.meta.dir, "../../crates");
const MILLISECONDS = 120_000;
const TIMEOUT_MS = 2_700_000;
const FLAGS = [
  "--cfg=bunker_fuzz",
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=3",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Ccodegen-units=1",
];

/** Named, so that the flags are not those of build scripts, too. */
function target(): string {
  const { stdout } = Bun.spawnSync(["rustc", "-vV"]);
  return /^host: (\S+)$/m.exec(stdout.toString())?.[1] ?? "";
}

whenLong(() => {
  test(
    "what reads strangers' bytes in Rust",
    async () => {
      const packages = ["bunker-network", "bunker-runtime"];
      const chosen = packages.flatMap((name) => ["--package", name]);
      const words = ["--locked", "--target", target(), ...chosen, "--lib", "under_the_fuzzer"];
      // One at a time: the counters are the program's.
      const child = Bun.spawn(["cargo", "test", ...words, "--", "--test-threads=1", "--nocapture"], {
        cwd: CRATES,
        env: {
          ...process.env,
          BUNKER_FUZZ_MS: String(MILLISECONDS),
          BUNKER_FUZZ_SEED: String(testSeed()),
          CARGO_PROFILE_TEST_OPT_LEVEL: "1",
          CARGO_TARGET_DIR: "target/fuzz",
          RUSTFLAGS: FLAGS.join(" "),
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: TIMEOUT_MS,
      });
      const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      console.log(`BUNKER_TEST_SEED=${testSeed()}\n${errors.match(/^.* inputs, .*$/gm)?.join("\n") ?? ""}`);
      expect([code, code === 0 ? "" : errors + output]).toEqual([0, ""]);
      expect(output.match(/ok\. [1-9]/g)).toHaveLength(packages.length);
    },
    TIMEOUT_MS,
  );
});
