// Networks of the user's: made, shown, removed; containers on them reach each other and nobody else, also after the network
// keeper was killed.

import { beforeEach, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";

import { networkKeeperOf, networkKeepersOf } from "../support/network-state.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

// Their containers are gone by then.
beforeEach(() => stage.env.ok(["network", "prune", "-f"]));

/** Listens once and says who came. */
const SERVE = ["sh", "-c", "while true; do echo served | nc -l -p 80; done"];

async function inspect(what: string, template: string): Promise<string> {
  return await stage.env.ok(["inspect", "-f", template, what]);
}

async function addressOf(container: string, network: string): Promise<string> {
  return await inspect(container, `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`);
}

describe("network create, ls, inspect, rm", () => {
  it("speak docker's words", async () => {
    const { env } = stage;
    const id = await env.ok(["network", "create", "--label", "a=1", "--ipv6", "--subnet=10.77.0.0/24", "one"]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await env.ok(["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}} {{.IPv6}}"])).toBe(
      "bridge bridge local false\nhost host local false\nnone null local false\none bridge local true",
    );
    expect(await env.ok(["network", "ls", "-q", "--filter", "label=a"])).toBe(id.slice(0, 12));
    expect(await env.ok(["network", "ls", "-q", "--no-trunc", "--filter", "type=custom"])).toBe(id);
    const [network] = JSON.parse(await env.ok(["network", "inspect", id.slice(0, 6)])) as Record<string, unknown>[];
    expect(network).toMatchObject({
      Name: "one",
      Id: id,
      Driver: "bridge",
      EnableIPv6: true,
      Containers: {},
      Labels: { a: "1" },
    });
    expect(network?.["IPAM"]).toMatchObject({ Config: [{ Subnet: "10.77.0.0/24", Gateway: "10.77.0.1" }, {}] });
    expect(await env.fails(["network", "create", "one"], 1)).toContain("network with name one already exists");
    expect(await env.fails(["network", "create", "--subnet=10.77.0.0/16", "x"], 1)).toContain("Pool overlaps");
    expect(await env.fails(["network", "create", "a/b"], 1)).toContain("invalid network name");
    expect(await env.fails(["network", "create", "-d", "macvlan", "x"], 1)).toContain("not supported");
    expect(await env.fails(["network", "rm", "bridge"], 1)).toContain("cannot be removed");
    expect(await env.ok(["network", "create", "--ignore", "one"])).toBe("one");
    await env.ok(["network", "exists", "one"]);
    expect(await env.ok(["network", "rm", "one"])).toBe("one");
    await env.fails(["network", "exists", "one"], 1);
    expect(await env.fails(["network", "inspect", "one"], 1)).toContain("network one not found");
    expect(await env.fails(["network", "rm", "one"], 1)).toContain("network one not found");
    await env.ok(["network", "rm", "-f", "one"]);
    await env.ok(["network", "create", "two"]);
    expect(await env.ok(["network", "prune", "-f"])).toContain("Deleted Networks:\ntwo");
  });
});

describe("containers on networks", () => {
  it("have addresses, names of their own, and reach each other", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "--ipv6", "one"]);
    await env.ok(["run", "-d", "--name=server", "--network=one", "busybox", ...SERVE]);
    const address = await addressOf("server", "one");
    const shown = await env.ok([
      "run",
      "--rm",
      "--network=one",
      "busybox",
      "sh",
      "-c",
      `nc ${address} 80; ip -o addr show eth0`,
    ]);
    expect(shown).toStartWith("served\n");
    expect(shown).toMatch(/inet 172\.\d+\.0\.3\/16/);
    expect(shown).toMatch(/inet6 fd[0-9a-f:]+::3\/64/);
    const hosts = await env.ok(["exec", "server", "cat", "/etc/hosts"]);
    expect(hosts).toContain(`${address}\t`);
    expect(await env.ok(["exec", "server", "cat", "/etc/resolv.conf"])).toContain(
      `nameserver ${address.replace(/\.2$/, ".1")}`,
    );
    const inspected = JSON.parse(await env.ok(["network", "inspect", "one", "-f", "{{json .Containers}}"]));
    expect(Object.values(inspected)).toMatchObject([{ Name: "server", IPv4Address: `${address}/16` }]);
    expect(await env.ok(["ps", "--filter", "network=one", "--format", "{{.Names}} {{.Networks}}"])).toBe("server one");
    expect(await env.fails(["network", "rm", "one"], 1)).toContain("has active endpoints");
  });

  it("do not reach other networks", async () => {
    const { env } = stage;
    for (const name of ["one", "two"]) await env.ok(["network", "create", name]);
    await env.ok(["run", "-d", "--name=server", "--network=one", "busybox", ...SERVE]);
    const address = await addressOf("server", "one");
    const client = ["run", "--rm", "--network=two", "busybox", "nc", "-w1", address, "80"];
    expect((await env.run(client)).code).toBe(1);
  });

  it("have the address, the hardware address and the link that were asked for", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "--subnet=10.77.0.0/24", "one"]);
    const wishes = ["--ip=10.77.0.50", "--mac-address=02:00:00:00:00:09", "--network=one:interface_name=lan0"];
    const links = await env.ok(["run", "--rm", ...wishes, "busybox", "ip", "addr", "show", "lan0"]);
    expect(links).toContain("10.77.0.50/24");
    expect(links).toContain("02:00:00:00:00:09");
    await env.ok(["create", "--name=keeps", "--network=one", "--ip=10.77.0.60", "busybox"]);
    expect(await env.fails(["run", "--rm", "--network=one", "--ip=10.77.0.60", "busybox"], 125)).toContain(
      "Address already in use",
    );
    expect(await env.fails(["run", "--rm", "--network=one", "--ip=10.78.0.1", "busybox"], 125)).toContain(
      "no configured subnet contains IP address",
    );
    expect(await env.fails(["run", "--rm", "--network=nothere", "busybox"], 125)).toContain(
      "network nothere not found",
    );
    expect(await env.fails(["run", "--rm", "--network=one", "--network=host", "busybox"], 125)).toContain(
      "cannot attach both",
    );
  });

  it("come to others and leave them while they run", async () => {
    const { env } = stage;
    for (const name of ["one", "two"]) await env.ok(["network", "create", name]);
    await env.ok(["run", "-d", "--name=server", "--network=one", "busybox", ...SERVE]);
    await env.ok(["network", "connect", "--alias=web", "two", "server"]);
    const address = await addressOf("server", "two");
    expect(await env.ok(["run", "--rm", "--network=two", "busybox", "nc", address, "80"])).toBe("served");
    expect(await env.fails(["network", "connect", "two", "server"], 1)).toContain("already exists in network two");
    await env.ok(["network", "disconnect", "one", "server"]);
    expect(await env.ok(["exec", "server", "ip", "-o", "addr"])).not.toContain("eth0");
    expect(await env.fails(["network", "disconnect", "one", "server"], 1)).toContain("is not connected to network");
    await env.ok(["restart", "-t0", "server"]);
    expect(await env.ok(["run", "--rm", "--network=two", "busybox", "nc", address, "80"])).toBe("served");
  });

  it("find each other by name, short id and alias, and nobody on other networks", async () => {
    const { env } = stage;
    for (const name of ["one", "two"]) await env.ok(["network", "create", name]);
    const id = await env.ok([
      "run",
      "-d",
      "--name=server",
      "--network=one",
      "--network-alias=web",
      "busybox",
      ...SERVE,
    ]);
    const address = await addressOf("server", "one");
    const ask = async (network: string, name: string) => {
      const { stdout } = await env.run(["run", "--rm", "--network", network, "busybox", "nslookup", name]);
      return [...stdout.matchAll(/^Address: (\S+)/gm)].map(([, found]) => found);
    };
    for (const name of ["server", "web", "SERVER", id.slice(0, 12), "server.one"]) {
      expect(await ask("one", name)).toEqual([address]);
    }
    expect(await ask("two", "server")).toEqual([]);
    await env.ok(["network", "connect", "--alias=web2", "two", "server"]);
    expect(await ask("two", "web2")).toEqual([await addressOf("server", "two")]);
    await env.ok(["network", "disconnect", "two", "server"]);
    expect(await ask("two", "web2")).toEqual([]);
  });

  it("find each other again after the network keeper was killed", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "one"]);
    await env.ok(["run", "-d", "--name=server", "--network=one", "busybox", ...SERVE]);
    const address = await addressOf("server", "one");
    const before = networkKeepersOf(env);
    expect(before).toHaveLength(1);
    process.kill(networkKeeperOf(env), "SIGKILL");
    const ask = ["run", "--rm", "--network=one", "busybox", "nc", "-w9", address, "80"];
    expect(await env.ok(ask)).toBe("served");
    expect(networkKeepersOf(env)).toHaveLength(1);
    expect(networkKeepersOf(env)).not.toEqual(before);
  });

  it("find each other again where the network itself was lost, for nobody held it when another began", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "one"]);
    const id = await env.ok(["run", "-d", "--name=server", "--network=one", "busybox", ...SERVE]);
    const address = await addressOf("server", "one");
    const state = JSON.parse(readFileSync(`${env.dataHome}/run/c/${id}/state.json`, "utf8")) as { keeperPid: number };
    process.kill(state.keeperPid, "SIGSTOP");
    process.kill(networkKeeperOf(env), "SIGKILL");
    await env.ok(["run", "-d", "--name=client", "--network=one", "busybox", "sleep", "100"]);
    process.kill(state.keeperPid, "SIGCONT");
    const ask = `until nc -w1 ${address} 80; do sleep 0.1; done`;
    expect(await env.ok(["exec", "client", "sh", "-c", ask])).toBe("served");
  });

  it("never have an address twice, however many start at once", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "--subnet=10.77.0.0/26", "one"]);
    const names = Array.from({ length: 16 }, (_unused, at) => `c${at}`);
    await Promise.all(
      names.map((name) => env.ok(["run", "-d", "--name", name, "--network=one", "busybox", "sleep", "100"])),
    );
    const addresses = await Promise.all(names.map((name) => addressOf(name, "one")));
    expect(new Set(addresses).size).toBe(names.length);
    await env.ok(["rm", "-f", "-t0", ...names]);
  });
});
