// What a container is and may do, looked at from inside: compared with records, with exec into the same container, and with
// rootless podman's containers, where nothing may be weaker.

import { afterAll, beforeAll, describe, expect } from "bun:test";

import { sidRoot } from "../../../scripts/bench/debian-root.ts";
import { TestEnv } from "../../support/environment.ts";
import { requires, whenLong } from "../../support/guards.ts";
import { hostileImage } from "../../support/hostile.ts";
import { Invariants } from "../../support/invariants.ts";
import { configurePodman } from "../../support/podman.ts";
import { changesFrom, comparePostures, expectPosture, type Posture, readPosture } from "../../support/posture.ts";
import { compareStrength } from "../../support/posture-strength.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";

const it = requires("root", "bunker", "probe", "userns", "subids", "cgroup2", "busybox");
const besidePodman = requires("root", "bunker", "probe", "userns", "subids", "cgroup2", "busybox", "podman");
/** Came after podman 4.3.1; today's podman lets it through as well. */
const NEWER_THAN_PODMAN_4 = ["syscall fchmodat2"];
const STRICTER_AT_LEAST = 25;
/** Everything but the sweep over all numbers, which takes most of the time. */
const QUICK_PARTS =
  "fds status namespaces mounts uidMap gidMap limits environment cwd cgroup lsm oomScoreAdj process sysctls devices paths keyring sockets cases";
/** By its place in the container, not by its rights. */
const OF_ANOTHER_PROCESS = /^(process\/(pid|parent|session)|fds\/|mounts\/\/dev\/console|devices\/\/dev\/pts\/)/;

/** Name → flags. Each record tells what they change in the default one. */
const VARIANTS: Record<string, string[]> = {
  nothing: [],
  user: ["--user", "1000"],
  "cap-add": ["--cap-add", "NET_RAW", "--cap-add", "SYS_ADMIN"],
  "cap-add-user": ["--cap-add", "NET_RAW", "--user", "1000"],
  "cap-drop-all": ["--cap-drop", "ALL"],
  "no-new-privileges": ["--security-opt", "no-new-privileges"],
  "seccomp-unconfined": ["--security-opt", "seccomp=unconfined"],
  "read-only": ["--read-only"],
  tty: ["--tty"],
  init: ["--init"],
  "network-host": ["--network", "host"],
  privileged: ["--privileged"],
};

let registry: TestRegistry;
let env: TestEnv;
let image: string;
let inDefault: Posture;

beforeAll(async () => {
  registry = startRegistry();
  image = registry.push("hostile", "1", hostileImage());
  env = await TestEnv.create();
  await env.ok(["pull", "--quiet", image]);
  inDefault = await probe([]);
});

afterAll(async () => {
  await env.host.close();
  registry.stop();
});

async function probe(flags: string[], parts: string[] = []): Promise<Posture> {
  const network = flags.includes("--network") ? [] : ["--network", "none"];
  return readPosture(await env.ok(["run", "--rm", ...network, ...flags, image, "/probe", ...parts]));
}

describe("a container's posture", () => {
  it("is the recorded one by default", () => {
    expectPosture("default", inDefault);
  });

  for (const [name, flags] of Object.entries(VARIANTS)) {
    it(`differs with ${flags.join(" ") || "no flags"} only as recorded`, async () => {
      expectPosture(name, changesFrom(inDefault, await probe(flags)));
    });

    it(`is that of an exec into a container with ${flags.join(" ") || "no flags"}`, async () => {
      const network = flags.includes("--network") ? [] : ["--network", "none"];
      const id = await env.ok(["run", "-d", "--rm", ...network, ...flags, image, "sleep", "600"]);
      const parts = QUICK_PARTS.split(" ");
      const execFlags = flags.includes("--tty") ? ["--tty"] : [];
      const [run, exec] = [
        await probe(flags, parts),
        readPosture(await env.ok(["exec", ...execFlags, id, "/probe", ...parts])),
      ];
      expect(comparePostures(run, exec).filter((line) => !OF_ANOTHER_PROCESS.test(line))).toEqual([]);
      await env.ok(["rm", "-f", id]);
    });
  }

  it("is the same at every start", async () => {
    const watch = await Invariants.watch(env);
    const id = await env.ok(["create", "--network", "none", image, "/probe"]);
    for (let start = 0; start < 2; start++) {
      // A container that may be started again has no volatile upper.
      const differences = comparePostures(inDefault, readPosture(await env.ok(["start", "--attach", id])));
      expect(differences.filter((line) => !line.startsWith("mounts//:"))).toEqual([]);
    }
    await env.ok(["rm", id]);
    await watch.check();
  });
});

/** crun's covers over hidden paths are empty and read-only like ours, but may be looked into; its console has fewer options. */
const OF_CRUN = [
  /^mounts\/\/(?:proc|sys)\/.* (?:nodev|nosuid|noexec)$/,
  /^mounts\/\/dev\/console (?:nosuid|noexec)$/,
  /^paths\/\/(?:proc\/acpi|sys\/dev\/block|sys\/firmware) read$/,
];

describe("by crun", () => {
  const byCrun = requires("root", "bunker", "probe", "userns", "subids", "cgroup2", "busybox", "crun");
  for (const [name, flags] of Object.entries(VARIANTS)) {
    byCrun(`nothing is weaker with ${flags.join(" ") || "no flags"} than by us`, async () => {
      const ours = name === "nothing" ? inDefault : await probe(flags);
      const { weaker } = compareStrength(await probe(["--runtime", "crun", ...flags]), ours);
      expect(weaker.filter((property) => !OF_CRUN.some((known) => known.test(property)))).toEqual([]);
    });
  }
});

async function podmanPosture(beside: TestEnv): Promise<Posture> {
  configurePodman(beside);
  await expectSuccess(beside, ["podman", "pull", "--tls-verify=false", image]);
  return readPosture(await expectSuccess(beside, ["podman", "run", "--rm", "--network", "none", image, "/probe"]));
}

async function expectSuccess(beside: TestEnv, command: string[]): Promise<string> {
  const { code, stdout, stderr } = await beside.startOther(command).result();
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

describe("beside rootless podman", () => {
  besidePodman("Debian's: nothing is weaker, much is stricter", async () => {
    const { weaker, stricter } = compareStrength(inDefault, await podmanPosture(env));
    expect(weaker.filter((property) => !NEWER_THAN_PODMAN_4.includes(property))).toEqual([]);
    expect(stricter.length).toBeGreaterThanOrEqual(STRICTER_AT_LEAST);
    console.log(`posture: weaker than Debian's podman in 0 properties, stricter in ${stricter.length}`);
  });

  whenLong(() => {
    requires("root", "mmdebstrap")("today's: nothing is weaker, much is stricter", async () => {
      await using today = await TestEnv.create({ root: sidRoot() });
      const { weaker, stricter } = compareStrength(inDefault, await podmanPosture(today));
      expect(weaker).toEqual([]);
      expect(stricter.length).toBeGreaterThanOrEqual(STRICTER_AT_LEAST);
      console.log(`posture: stricter than today's podman in ${stricter.length} properties: ${stricter.join(", ")}`);
    });
  });
});
