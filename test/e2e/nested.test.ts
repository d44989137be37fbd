// Inside another engine's container, and as root of a user namespace: down to what that host allows, and said.

import { afterEach, beforeEach, describe, expect } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { configurePodman } from "../support/podman.ts";
import { startRegistry } from "../support/registry.ts";
import { busyboxWith, servicesImage, useStage } from "../support/stage.ts";
import { file } from "../support/tar.ts";

const stage = useStage({ needs: ["podman"] });
const { it } = stage;
/** podman's first start, and copying an image. */
const TIMEOUT_MS = 240_000;
const HELLO = "Hello from inside a container!";

describe("root of a user namespace", () => {
  /** `unshare` of the user's, then a shell in which `bunker` is ours. */
  async function within(flags: string[], script: string): Promise<string> {
    const { env } = stage;
    const home = join(env.home, "inner");
    const prepare = `mkdir -p ${home}; export HOME=${home}; bunker() { ${env.program} "$@"; }`;
    const ended = await env.startOther(["unshare", "--user", ...flags, "sh", "-ec", `${prepare}; ${script}`]).result();
    if (ended.code !== 0) throw new Error(`${ended.stdout}\n${ended.stderr}`);
    return ended.stdout.trim();
  }
  afterEach(() => {
    const { env } = stage;
    // Files of other ids: only who has these can remove them.
    Bun.spawnSync(
      env.command(["unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", join(env.home, "inner")]),
    );
  });

  it("has all ids that are there, without newuidmap", async () => {
    const output = await within(
      ["--map-auto", "--map-root-user"],
      "bunker run --rm --network none hello | head -1; bunker run --rm --network none -u 1234 hello >/dev/null; bunker doctor --json || true",
    );
    expect(output.split("\n")[0]).toBe(HELLO);
    const findings = JSON.parse(output.slice(output.indexOf("["))) as { check: string; cause: string }[];
    const cause = (check: string) => findings.find((finding) => finding.check === check)?.cause;
    expect(cause("newuidmap and newgidmap")).toContain("root here maps ids itself");
    expect(cause("subordinate uids")).toMatch(/^\d+ are here$/);
  });

  it("who is alone there has one id", async () => {
    const output = await within(["--map-root-user"], "bunker run --rm --network none hello 2>&1");
    expect(output).toContain(HELLO);
  });
});

describe("a container of our own", () => {
  const script = "bunker run --rm --network none hello 2>&1 | head -2; bunker info --format '{{.Driver}}'";
  const within = async (...flags: string[]) => {
    const { env } = stage;
    const shared = ["--network=none", "-v", `${env.program}:/usr/bin/bunker`, "-e", "HOME=/root"];
    return await env.ok(["run", "--rm", ...shared, ...flags, "outer", "sh", "-c", script]);
  };

  /** busybox, and what the program is linked with: much smaller than a distribution. */
  beforeEach(async () => {
    const listed = Bun.spawnSync(["ldd", join(import.meta.dir, "../../dist/bunker")]).stdout.toString();
    const libraries = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
    const files = libraries.map((path) => file(path.slice(1), readFileSync(path), { mode: 0o755 }));
    await stage.add("outer", busyboxWith({}, [makeLayer(files)]));
  });

  it("as it is says what it would have to be started with", async () => {
    const said = await within();
    expect(said).toContain("the filter of an outer container lets nobody make namespaces");
    expect(said).toContain("--security-opt seccomp=unconfined");
  });

  it("holds another one where it may make namespaces, on a volume with overlay", async () => {
    for (const flags of [["--security-opt", "seccomp=unconfined"], ["--privileged"]]) {
      expect([flags, (await within(...flags)).split("\n")[0]]).toEqual([flags, HELLO]);
    }
    const volume = await within("--security-opt", "seccomp=unconfined", "-v", "/root");
    expect([volume.split("\n")[0], volume.split("\n").at(-1)]).toEqual([HELLO, "overlay"]);
  });
});

describe("a container of podman's", () => {
  it(
    "holds containers of ours, as it is and with a volume",
    async () => {
      const { env } = stage;
      configurePodman(env);
      using registry = startRegistry();
      const reference = registry.push("outer", "latest", await servicesImage());
      const podman = async (...words: string[]) => {
        const ended = await env.startOther(["podman", ...words]).result();
        if (ended.code !== 0) throw new Error(`${words.join(" ")}: ${ended.stdout}\n${ended.stderr}`);
        return ended.stdout;
      };
      try {
        await podman("pull", "--quiet", "--tls-verify=false", reference);
        const shared = ["--rm", "--network=none", "--volume", `${env.program}:/usr/bin/bunker`];
        const script =
          "bunker run --rm --network none hello | head -1; bunker info --format '{{.Driver}}'; bunker run -d --name c --network none hello >/dev/null; bunker wait c; bunker logs c | head -1; bunker rm c; bunker run --rm --network none --hostname mine hello 2>&1 || echo refused; bunker doctor || true";
        // Its root is an overlay, on which no other one can write.
        const plain = await podman("run", ...shared, "--env=HOME=/root", reference, "sh", "-ec", script);
        expect(plain.split("\n").slice(0, 5)).toEqual([HELLO, "copy", "0", HELLO, "c"]);
        expect(plain).toContain("each container is a copy");
        // What was asked for is never left out.
        expect(plain).toMatch(/sethostname.*\n(?:hint: .*\n)?refused\n/);
        const volume = await podman(
          "run",
          ...shared,
          "--volume=/root",
          "--env=HOME=/root",
          reference,
          "sh",
          "-ec",
          script,
        );
        expect(volume.split("\n").slice(0, 5)).toEqual([HELLO, "overlay", "0", HELLO, "c"]);
      } finally {
        await env.startOther(["podman", "system", "reset", "--force"]).result();
        // Ends the process that holds its namespace.
        await env.startOther(["podman", "system", "migrate"]).result();
        rmSync(env.host.view(`/dev/shm/libpod_rootless_lock_${env.user.uid}`), { force: true });
      }
    },
    TIMEOUT_MS,
  );
});
