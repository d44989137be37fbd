// The network keeper hears every packet of every container: what it may still do, and that it does all its work with that. What it
// cannot do is tried by crates/keeper/tests/confine.rs.

import { describe, expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { networkKeeperOf } from "../../support/network-state.ts";
import { HOST, PORT, WORLD, WORLD6, WORLD_NAME } from "../../support/network-world.ts";
import { useWorldStage } from "../../support/world-stage.ts";

const PUBLISHED = 18_100;
/** CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_SYS_ADMIN. */
const CAPABILITIES = (2n ** 10n + 2n ** 12n + 2n ** 21n).toString(16).padStart(16, "0");
const NONE = "0".repeat(16);
/** Of `server`, type A (RFC 1035, section 4.1), by TCP: behind its length. */
const QUESTION = "\\0\\030\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6server\\0\\0\\1\\0\\1";
const SERVE = ["sh", "-c", "while true; do echo served | nc -l -p 80; done"];

const { stage, it, ok, world } = useWorldStage({
  needs: ["ip"],
  prepare: async (opened) => {
    const allow = "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range";
    await world().command("host", ["sh", "-c", allow]);
    // An /etc of its own, to change a link in it.
    const own = join(opened.env.host.base, "etc");
    asRoot(`cp -a /etc ${own} && mount --bind ${own} /etc`);
  },
});

async function within(container: string, script: string): Promise<string> {
  return await ok("exec", container, "sh", "-c", script);
}

function asRoot(script: string): void {
  const { success, stderr } = Bun.spawnSync(stage.env.host.enter(["sh", "-c", script], "/"));
  if (!success) throw new Error(`${script}: ${stderr.toString()}`);
}

/** The same file for the host's programs, by another inode. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

describe("the network keeper", () => {
  it("has three capabilities, a filter, and no way to more, on every thread", async () => {
    await ok("run", "-d", "--name=c", "--network=bridge", "busybox", "sleep", "100");
    const pid = networkKeeperOf(stage.env);
    const threads = readdirSync(`/proc/${pid}/task`);
    expect(threads.length).toBeGreaterThan(1);
    for (const thread of threads) {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
      const fields = Object.fromEntries(status.split("\n").map((line) => line.split(":\t")));
      expect(fields).toMatchObject({
        CapInh: NONE,
        CapPrm: CAPABILITIES,
        CapEff: CAPABILITIES,
        CapBnd: CAPABILITIES,
        CapAmb: NONE,
        NoNewPrivs: "1",
        Seccomp: "2",
      });
    }
    expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(/Max core file size\s+0\s+0\s/);
  });

  it("does all its work with that: it is one and the same process all along", async () => {
    for (const name of ["one", "two"]) await ok("network", "create", "--ipv6", name);
    await ok("run", "-d", "--name=client", "--network=one", "--cap-add=NET_RAW", "busybox", "sleep", "100");
    const pid = networkKeeperOf(stage.env);
    const publish = ["-p", `${PUBLISHED}:80`, "-p", `${PUBLISHED}:53/udp`];
    await ok("run", "-d", "--name=server", "--network=one", ...publish, "busybox", ...SERVE);
    expect(await within("client", "nc server 80")).toBe("served");
    const answer = `printf '${QUESTION}' | nc -w2 $(sed -n 's/^nameserver //p' /etc/resolv.conf | head -1) 53 | wc -c`;
    expect(Number(await within("client", answer))).toBeGreaterThan(30);
    expect(await within("client", `nslookup ${WORLD_NAME} ${WORLD}`)).toContain(`Address: ${WORLD6}`);
    for (const address of [WORLD, WORLD6]) {
      expect(await within("client", `{ echo who; sleep 0.2; } | nc ${address} ${PORT}`)).toContain("99");
      expect(await within("client", `nc ${address} ${PORT + 1} < /dev/null || echo refused`)).toContain("refused");
      expect(await within("client", `ping -c1 -W5 ${address}`)).toContain(" 0% packet loss");
    }
    const knock = `until busybox nc -w1 ${HOST} ${PUBLISHED} < /dev/null | grep .; do sleep 0.1; done`;
    expect((await world().command("world", ["timeout", "20", "sh", "-c", knock])).stdout).toBe("served\n");
    // From a port below 1024, as which the container sees the client.
    const low = `until busybox nc -w1 -p 999 ${HOST} ${PUBLISHED} < /dev/null | grep .; do sleep 0.1; done`;
    expect((await world().command("world", ["timeout", "20", "sh", "-c", low])).stdout).toBe("served\n");
    expect(await within("client", `until nc -w1 ${HOST} ${PUBLISHED} < /dev/null | grep .; do sleep 0.1; done`)).toBe(
      "served",
    );
    await ok("network", "connect", "two", "server");
    await ok("network", "disconnect", "one", "server");
    await ok("restart", "-t0", "server");
    await ok("rm", "-f", "-t0", "server");
    expect(networkKeeperOf(stage.env)).toBe(pid);
  });

  it("reads the host's resolv.conf wherever that leads to, and again when file or link were replaced", async () => {
    const names = join(stage.env.host.base, "names");
    mkdirSync(names);
    const path = join(names, "resolv.conf");
    // The port behind it is closed, and it has a zone, which is a number to be asked for.
    replace(path, "nameserver fe80::1%lo\n");
    asRoot(`ln -s ${path} /etc/new && mv /etc/new /etc/resolv.conf`);
    await ok("run", "-d", "--name=c", "--network=bridge", "busybox", "sleep", "100");
    const pid = networkKeeperOf(stage.env);
    const ask = `timeout 2 nslookup ${WORLD_NAME} > /dev/null 2>&1`;
    expect(await within("c", `${ask} || echo nobody`)).toBe("nobody");
    const found = `until ${ask}; do sleep 0.1; done`;
    replace(path, `nameserver ${WORLD}\n`);
    await within("c", found);
    replace(path, "nameserver 127.0.0.9\n");
    await within("c", `while ${ask}; do sleep 0.1; done`);
    asRoot(`echo nameserver ${WORLD} > /etc/new && mv /etc/new /etc/resolv.conf`);
    await within("c", found);
    expect(networkKeeperOf(stage.env)).toBe(pid);
  });
});
