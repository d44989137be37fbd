// What a container's network is by default and by other words than a network's name: none, host, a program's own.

import { describe, expect } from "bun:test";

import { commandLine, processesOf } from "../support/host-state.ts";
import { ASK, NetworkStage, PROGRAMS } from "../support/network-stage.ts";
import { networkKeepersOf } from "../support/network-state.ts";
import { HOST, PORT, WORLD, WORLD_NAME } from "../support/network-world.ts";
import { until } from "../support/private-host.ts";

/** What a container leaves is gathered for so long, at most. */
const PATIENCE_MS = 1_000;
const LONG_MS = 20_000;

describe("the network", () => {
  const network = new NetworkStage(PROGRAMS, { needs: ["slirp4netns", "pasta"], flags: [] });
  const { it } = network.stage;
  const killSlirp = () => {
    const { env } = network.stage;
    Bun.spawnSync(env.command(["pkill", "-KILL", "-u", String(env.user.uid), "slirp4netns"]));
  };
  const nameserver = "grep ^nameserver /etc/resolv.conf || echo none";

  it("is the default one unless another is asked for, which leads out by the first way that there is", async () => {
    const ask = `${nameserver}; nslookup ${WORLD_NAME} 2>&1 | grep -c ${WORLD}`;
    await network.ok(["create", "--name", "c", "busybox", "sh", "-c", ask]);
    expect(await network.ok(["inspect", "-f", "{{.HostConfig.NetworkMode}}", "c"])).toBe("bridge");
    expect(await network.ok(["start", "-a", "c"])).toBe("nameserver 172.17.0.1\n1");
    const chosen = async (way?: string) => {
      const { Choices: choices } = JSON.parse(
        await network.ok(["info", "--format", "json"], { environment: { BUNKER_WAY_OUT: way } }),
      ) as { Choices: { what: string; chosen: string }[] };
      return choices.find(({ what }) => what === "way out")?.chosen;
    };
    expect([await chosen(), await chosen("slirp4netns"), await chosen("pasta")]).toEqual([
      "relay",
      "slirp4netns",
      "pasta",
    ]);
    const wrong = await network.run(["run", "--rm", "busybox", "true"], { environment: { BUNKER_WAY_OUT: "x" } });
    expect(wrong.stderr).toContain("BUNKER_WAY_OUT=x: there is no such way out");
  });

  it("of a program's own is there only where that is installed", async () => {
    const script = `${nameserver}; nslookup ${WORLD_NAME} 2>&1 | grep -c ${WORLD}`;
    expect(await network.script(script, "--network=slirp4netns:mtu=1500")).toBe("nameserver 10.0.2.3\n1");
    expect(await network.script("cat /sys/class/net/tap0/mtu", "--network=slirp4netns:mtu=1400")).toBe("1400");
    expect(await network.script("hostname -i", "--network=slirp4netns:cidr=10.7.7.0/24")).toBe("10.7.7.100");
    expect(await network.script(script, "--network=pasta:--ns-ifname,mine")).toBe("nameserver 169.254.1.1\n1");
    for (const program of PROGRAMS) network.hide(program);
    try {
      for (const program of PROGRAMS) {
        const { code, stderr } = await network.run(["run", "--rm", `--network=${program}`, "busybox", "true"]);
        expect([code, stderr]).toEqual([125, expect.stringContaining("the program is not installed")]);
      }
      expect(await network.script(script)).toBe("nameserver 172.17.0.1\n1");
    } finally {
      for (const program of PROGRAMS) network.show(program);
    }
  });

  it("that is a program's own publishes ports where that is pasta", async () => {
    const { world } = network;
    // The client speaks first: pasta of 2023 is silent otherwise.
    const serve = ["nc", "-l", "-p", "80", "-e", "sh", "-c", "read -r word; echo mine; sleep 1"];
    await network.ok(["run", "-d", "--name=c", "--network=pasta", "-p", `${HOST}:8080:80`, "busybox", ...serve]);
    expect(await network.ok(["port", "c"])).toBe(`80/tcp -> ${HOST}:8080`);
    const { stdout } = await world.command("world", [
      "bash",
      "-c",
      `exec 3<>/dev/tcp/${HOST}/8080; echo who >&3; read -r line <&3; echo $line`,
    ]);
    expect(stdout).toBe("mine\n");
    const { code, stderr } = await network.run(["run", "--rm", "--network=slirp4netns", "-p", "80", "busybox", "true"]);
    expect([code, stderr]).toEqual([125, expect.stringContaining("it publishes no ports here")]);
  });

  it("needs a device that may be missing, and says so", async () => {
    const asRoot = (...words: string[]) => Bun.spawnSync(network.stage.env.host.enter(words, "/"));
    asRoot("chmod", "600", "/dev/net/tun");
    try {
      const { code, stdout, stderr } = await network.run(["run", "--rm", "busybox", "echo", "started"]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: "started\n" });
      expect(stderr).toContain("WARNING: no way out of the container: /dev/net/tun is missing or not yours to use");
    } finally {
      asRoot("chmod", "666", "/dev/net/tun");
    }
  });

  it("files that the container has changed itself stay as they are", async () => {
    await network.ok([
      "create",
      "--name",
      "c",
      "busybox",
      "sh",
      "-c",
      "cat /etc/resolv.conf; echo nameserver 192.0.2.1 > /etc/resolv.conf",
    ]);
    expect(await network.ok(["start", "-a", "c"])).toContain("nameserver 172.17.0.1");
    expect(await network.ok(["start", "-a", "c"])).toBe("nameserver 192.0.2.1");
  });

  it("none is a loopback interface that works, and nothing else", async () => {
    const script =
      "ip -o link | cut -d: -f2; nc -l -p 5000 -e echo mine & sleep 0.2; nc 127.0.0.1 5000 < /dev/null; ip route | wc -l";
    expect(await network.script(script, "--network", "none")).toBe(" lo\nmine\n0");
    expect(await network.script(`nc ${WORLD} ${PORT} < /dev/null`, "--network", "none")).toContain(
      "Network is unreachable",
    );
  });

  it("host is the host's: interfaces, loopback, name service, hosts file and name", async () => {
    const script = `ip -o addr | grep -c ${HOST}; { echo who; sleep 0.1; } | nc 127.0.0.1 ${PORT}; ${nameserver}; nslookup ${WORLD_NAME} | grep -c ${WORLD}; cat /etc/hosts`;
    const output = await network.script(script, "--network", "host");
    expect(output).toStartWith(`1\n127.0.0.1\nnameserver ${WORLD}\n`);
    expect(output).toContain(
      await Bun.file("/etc/hosts")
        .text()
        .then((text) => text.trimEnd()),
    );
    expect(await network.script("hostname", "--network", "host")).toBe(
      (await Bun.file("/proc/sys/kernel/hostname").text()).trim(),
    );
    expect(await network.script("hostname", "--network", "host", "--hostname", "own")).toBe("own");
  });

  it("helper that dies takes nothing with it but the way out", async () => {
    await network.ok(["run", "-d", "--name", "c", "--network=slirp4netns", "busybox", "sleep", "60"]);
    killSlirp();
    expect(await network.ok(["exec", "c", "echo", "alive"])).toBe("alive");
    await network.ok(["rm", "-f", "c"]);
  });

  it("helper that served all networks and dies is started again", async () => {
    const environment = { BUNKER_WAY_OUT: "slirp4netns" };
    await network.ok(["run", "-d", "--name", "c", "busybox", "sleep", "60"], { environment });
    for (let round = 0; round < 2; round += 1) {
      expect(await network.ok(["exec", "c", "sh", "-c", ASK])).toContain(HOST);
      killSlirp();
      const served = `until [ -n "$({ echo who; sleep 0.2; } | timeout 2 nc ${WORLD} ${PORT} 2>/dev/null)" ]; do sleep 0.1; done`;
      await network.ok(["exec", "c", "sh", "-c", served]);
    }
  });

  it("helper that serves all networks ends with the network keeper, however that ends", async () => {
    const { env } = network.stage;
    await network.ok(["run", "-d", "--name", "c", "busybox", "sleep", "60"], {
      environment: { BUNKER_WAY_OUT: "slirp4netns" },
    });
    const helpers = () => processesOf(env).filter((pid) => commandLine(pid)[0]?.endsWith("/slirp4netns") === true);
    const before = helpers();
    // The other is what stands between it and the helper.
    const [keeper = Number.NaN, between = Number.NaN] = networkKeepersOf(env).toSorted((one, other) => one - other);
    expect(between).toBeGreaterThan(keeper);
    process.kill(keeper, "SIGKILL");
    const isAnother = () => helpers().length > 0 && !helpers().some((pid) => before.includes(pid));
    expect(await until(isAnother, LONG_MS)).toBe(true);
    expect(await network.ok(["exec", "c", "sh", "-c", ASK])).toContain(HOST);
  });

  it("of a container that has ended is nobody's, not even of those that share it", async () => {
    await network.ok(["run", "-d", "--name", "a", "busybox", "sleep", "60"]);
    await network.ok(["run", "-d", "--name", "b", "--network=container:a", "busybox", "sleep", "60"]);
    expect(await network.ok(["exec", "b", "ls", "/sys/class/net"])).toContain("eth0");
    await network.ok(["rm", "-f", "-t0", "a"]);
    const isAlone = "until ! ls /sys/class/net/eth0 > /dev/null 2>&1; do sleep 0.1; done";
    await network.ok(["exec", "b", "sh", "-c", isAlone]);
  });

  it("that is made anew at once with the addresses of the one before is whole", async () => {
    await network.ok(["run", "-d", "--name", "other", "busybox", "sleep", "100"]);
    const look = `nslookup ${WORLD_NAME} 2>&1 | grep -c ${WORLD}; nslookup a | grep -c 10.77.0; ${ASK}`;
    const isWhole = async () =>
      // The name server has an address of the network, too.
      expect(await network.ok(["run", "--rm", "--network=app", "busybox", "sh", "-c", look])).toMatch(
        new RegExp(`^1\n2\n.*${HOST}$`),
      );
    for (let round = 0; round < 3; round += 1) {
      await network.ok(["network", "create", "--subnet=10.77.0.0/24", "app"]);
      await network.ok(["run", "-d", "--name", "a", "--network=app", "busybox", "sleep", "100"]);
      await isWhole();
      // Once the one before is taken out of the way, too.
      if (round === 2) await Bun.sleep(PATIENCE_MS);
      if (round === 2) await isWhole();
      await network.ok(["rm", "-f", "-t0", "a"]);
      await network.ok(["network", "rm", "app"]);
    }
  });

  it("that nobody has made is not found", async () => {
    const complaint = await network.stage.env.fails(["run", "--network", "mine", "busybox"], 125);
    expect(complaint).toContain("network mine not found");
    expect(complaint).toContain("hint: `bunker network ls` lists the networks there are.");
  });
});
