// The one file, copied alone onto a Debian with nothing but what is essential: no newuidmap, no network helper, no certificates.

import { describe, expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { bareRoot } from "../../scripts/bench/debian-root.ts";
import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";
import { makeImage, makeLayer } from "../support/image.ts";
import { startRegistry } from "../support/registry.ts";
import { file } from "../support/tar.ts";

const it = requires("root", "bunker", "userns", "mmdebstrap");
/** Making the root, the first time. */
const TIMEOUT_MS = 300_000;

describe("a bare Debian", () => {
  it(
    "is enough to pull, run, enter and remove, with one id and networks of ours",
    async () => {
      await using env = await TestEnv.create({ root: bareRoot() });
      expect(existsSync(env.host.view("/usr/bin/newuidmap"))).toBe(false);
      const said = await env.run(["run", "--rm", "hello"]);
      expect([said.code, said.stderr]).toEqual([0, ""]);
      expect(said.stdout).toContain("Hello from inside a container!");
      using registry = startRegistry();
      const reference = registry.push("two", "1", makeImage({ layers: [makeLayer([file("of", "x\n")])] }));
      await env.ok(["pull", "--quiet", reference]);
      await env.ok(["create", "--name=c", "--network=none", "hello"]);
      await env.ok(["cp", "c:/etc/hostname", join(env.home, "copied")]);
      expect(await env.ok(["start", "-a", "c"])).toContain("process 1");
      await env.ok(["rm", "c"]);
      const findings = JSON.parse((await env.run(["doctor", "--json"])).stdout) as { check: string; fix: string[] }[];
      const fixes = findings.flatMap(({ fix }) => fix);
      expect(fixes).toContain("apt-get install -y uidmap");
      expect(fixes).not.toContain("apt-get install -y slirp4netns");
    },
    TIMEOUT_MS,
  );
});
