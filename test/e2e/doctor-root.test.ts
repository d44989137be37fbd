// bunker doctor with sudo: about the one who called it, as whom it looks; and with --fix root runs what it found. Programs that would
// change this machine are stand-ins here, which write down what they were told; what is changed by hand lies in the test's own mounts.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Finding } from "../../src/host/index.ts";
import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";

const it = requires("root", "bunker", "userns", "cgroup2");
const usable = it === test;
const CALLER = 64_321;
const STAND_INS = "apt-get grubby loginctl modprobe sysctl systemctl timedatectl usermod".split(" ");

let env: TestEnv;
let told: string;
let environment: Record<string, string>;

/** In this test's mounts, as root. */
function onHost(script: string): string {
  const done = Bun.spawnSync(env.host.enter(["sh", "-ec", script], "/"));
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return done.stdout.toString().trim();
}

beforeAll(async () => {
  if (!usable) return;
  env = await TestEnv.create({ user: "root" });
  const { base } = env.host;
  told = join(base, "told");
  onHost(`
    chmod 755 ${base}
    mkdir -p ${base}/stand-ins ${base}/caller ${base}/empty
    chown ${CALLER}:${CALLER} ${base}/caller
    for name in ${STAND_INS.join(" ")}; do
      printf '#!/bin/sh\\necho "$(basename "$0") $*" >> ${told}\\n' > ${base}/stand-ins/$name
    done
    chmod 755 ${base}/stand-ins/*
    { cat /etc/passwd; echo caller:x:${CALLER}:${CALLER}::${base}/caller:/bin/sh; } > ${base}/passwd
    mount --bind ${base}/passwd /etc/passwd
    for place in /etc/sysctl.d /etc/systemd; do [ ! -d $place ] || mount --bind ${base}/empty $place; done
    mkdir -p /etc/sysctl.d
  `);
  environment = { PATH: `${base}/stand-ins:/usr/bin:/bin`, SUDO_UID: String(CALLER), SUDO_USER: "caller" };
});
afterAll(async () => {
  if (usable) await env[Symbol.asyncDispose]();
});

async function findings(): Promise<Map<string, Finding>> {
  const { stdout } = await env.run(["doctor", "--json"], { environment });
  return new Map((JSON.parse(stdout) as Finding[]).map((finding) => [finding.check, finding]));
}

describe("sudo bunker doctor", () => {
  it("is about the one who called it, as he sees the host", async () => {
    onHost("chmod 600 /dev/net/tun");
    const found = await findings();
    // Root could use it.
    expect(found.get("way out")).toMatchObject({ level: "warning", evidence: "/dev/net/tun" });
    expect(found.get("subordinate uids")).toMatchObject({ evidence: "/etc/subuid has no line for caller" });
    expect(found.get("data home")?.cause).toContain(join(env.host.base, "caller"));
    expect(found.get("user namespaces")?.level).toBe("ok");
    expect(onHost(`stat -c %u ${env.host.base}/caller/.local/share/bunker`)).toBe(String(CALLER));
  });

  it("with --fix runs the commands as root, and says which fail", async () => {
    const printed = await env.ok(["doctor", "--fix"], { environment });
    const commands = [...(await findings()).values()].flatMap(({ fix }) => fix);
    expect(printed).toContain("chmod 666 /dev/net/tun");
    expect(onHost("stat -c %a /dev/net/tun")).toBe("666");
    expect((await findings()).get("way out")?.level).toBe("ok");
    expect(commands).not.toContain("chmod 666 /dev/net/tun");
    const lines = readFileSync(told, "utf8").split("\n");
    expect(lines).toContain("modprobe tun");
    expect(lines.find((line) => line.startsWith("usermod --add-subuids"))).toEndWith(" caller");
    onHost(`printf '#!/bin/sh\\necho no >&2; exit 3\\n' > ${env.host.base}/stand-ins/usermod`);
    const failed = await env.run(["doctor", "--fix"], { environment });
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining(" caller: no\n")]);
  });

  it("tells what kept the caller from looking", async () => {
    onHost(`mv ${env.host.base}/caller ${env.host.base}/gone; chmod 555 ${env.host.base}`);
    const said = await env.fails(["doctor"], 1, { environment });
    expect(said).toContain("examining the host for caller: ");
    onHost(`mv ${env.host.base}/gone ${env.host.base}/caller`);
  });
});
