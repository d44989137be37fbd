// What containers call each other on networks, and by which of them they go out: links, renamed containers, priorities.

import { beforeEach, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";

import { networkKeeperOf } from "../support/network-state.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

// Their containers are gone by then.
beforeEach(() => stage.env.ok(["network", "prune", "-f"]));

const SLEEP = ["busybox", "sleep", "1000"];

async function addressOf(container: string, network: string): Promise<string> {
  const template = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return await stage.env.ok(["inspect", "-f", template, container]);
}

/** What a name means for a container. */
async function ask(container: string, name: string): Promise<string[]> {
  const { stdout } = await stage.env.run(["exec", container, "nslookup", name]);
  return [...stdout.matchAll(/^Address: (\S+)/gm)].map(([, found = ""]) => found);
}

async function inspect(container: string, field: string): Promise<unknown> {
  return JSON.parse(await stage.env.ok(["inspect", "-f", `{{json ${field}}}`, container]));
}

/** Where a container's packets go that have no other route. */
async function wayOut(container: string): Promise<string> {
  return await stage.env.ok(["exec", container, "sh", "-c", "ip route | grep ^default | sed 's/ *$//'"]);
}

function killNetworkKeeper(): void {
  process.kill(networkKeeperOf(stage.env), "SIGKILL");
}

function killKeeper(id: string): void {
  const state = JSON.parse(readFileSync(`${stage.env.dataHome}/run/c/${id}/state.json`, "utf8")) as {
    keeperPid: number;
  };
  process.kill(state.keeperPid, "SIGKILL");
}

describe("--link", () => {
  it("is a name that one container alone has for another, which follows it to its next address", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "--subnet=10.77.0.0/24", "one"]);
    await env.ok(["run", "-d", "--name=db", "--network=one", "--ip=10.77.0.50", ...SLEEP]);
    await env.ok(["run", "-d", "--name=web", "--network=one", "--link=db:sql", ...SLEEP]);
    await env.ok(["run", "-d", "--name=other", "--network=one", ...SLEEP]);
    expect(await ask("web", "sql")).toEqual(["10.77.0.50"]);
    expect(await ask("other", "sql")).toEqual([]);
    expect(await inspect("web", ".NetworkSettings.Networks.one.Links")).toEqual(["db:sql"]);
    expect(await inspect("web", ".HostConfig.Links")).toBeNull();
    await env.ok(["rm", "-f", "-t0", "db"]);
    expect(await ask("web", "sql")).toEqual([]);
    await env.ok(["run", "-d", "--name=db", "--network=one", "--ip=10.77.0.60", ...SLEEP]);
    expect(await ask("web", "sql")).toEqual(["10.77.0.60"]);
  });

  it("comes with network connect, too", async () => {
    const { env } = stage;
    for (const name of ["one", "two"]) await env.ok(["network", "create", name]);
    const id = await env.ok(["run", "-d", "--name=db", "--network=two", ...SLEEP]);
    await env.ok(["run", "-d", "--name=web", "--network=one", ...SLEEP]);
    await env.ok(["network", "connect", "--link", `${id.slice(0, 12)}:sql`, "two", "web"]);
    expect(await ask("web", "sql")).toEqual([await addressOf("db", "two")]);
    expect(await inspect("web", ".NetworkSettings.Networks.two.Links")).toEqual(["db:sql"]);
    expect(await env.fails(["network", "connect", "--link=nobody", "two", "web"], 1)).toContain("already exists");
    await env.ok(["network", "disconnect", "two", "web"]);
    expect(await env.fails(["network", "connect", "--link=nobody", "two", "web"], 1)).toContain(
      "could not get container for nobody: no such container: nobody",
    );
  });

  it("on the default network wants a container that runs, there", async () => {
    const { env } = stage;
    const on = "--network=bridge";
    expect(await env.fails(["run", "--rm", on, "--link=db", "busybox"], 125)).toContain(
      "could not get container for db",
    );
    await env.ok(["create", "--name=db", on, ...SLEEP]);
    await env.ok(["create", "--name=web", on, "--link=db:sql", ...SLEEP]);
    expect(await env.fails(["start", "web"], 1)).toContain("Cannot link to a non running container: /db AS /web/sql");
    await env.ok(["start", "db", "web"]);
    expect(await ask("web", "sql")).toEqual([await addressOf("db", "bridge")]);
    expect(await inspect("web", ".HostConfig.Links")).toEqual(["/db:/web/sql"]);
    expect(await env.ok(["rm", "--link", "/web/sql"])).toBe("/web/sql");
    expect(await ask("web", "sql")).toEqual([]);
    expect(await inspect("web", ".HostConfig.Links")).toBeNull();
    expect(await env.fails(["rm", "--link", "/web/sql"], 1)).toContain("no such link: /web/sql");
    expect(await env.fails(["rm", "--link", "/nobody/sql"], 1)).toContain("no such container: nobody");
    await env.ok(["rm", "-f", "-t0", "web"]);
    await env.ok(["run", "-d", "--name=web", on, "--link=db:sql", ...SLEEP]);
    await env.ok(["network", "disconnect", "bridge", "db"]);
    await env.ok(["stop", "-t0", "web"]);
    expect(await env.fails(["start", "web"], 1)).toContain("not attached to default bridge network");
    expect(await env.fails(["run", "--rm", "--network=host", "--link=db", "busybox"], 125)).toContain(
      "host type networking can't be used with links",
    );
    expect(await env.fails(["run", "--rm", "--link=a:b:c", "busybox"], 125)).toContain("bad format for links: a:b:c");
  });
});

describe("rename", () => {
  it("is known on its networks at once, and to every network keeper after", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "one"]);
    const id = await env.ok(["run", "-d", "--name=a", "--network=one", ...SLEEP]);
    await env.ok(["run", "-d", "--name=client", "--network=one", ...SLEEP]);
    const address = await addressOf("a", "one");
    expect(await ask("client", "a")).toEqual([address]);
    await env.ok(["rename", "a", "b"]);
    expect(await ask("client", "b")).toEqual([address]);
    expect(await ask("client", "a")).toEqual([]);
    expect(await inspect("b", ".NetworkSettings.Networks.one.DNSNames")).toEqual(["b", id.slice(0, 12)]);
    killNetworkKeeper();
    await env.ok(["exec", "client", "sh", "-c", "until nslookup b; do sleep 0.1; done"]);
    expect(await ask("client", "b")).toEqual([address]);
    expect(await ask("client", "a")).toEqual([]);
    await env.ok(["restart", "-t0", "b"]);
    expect(await ask("client", "b")).toEqual([await addressOf("b", "one")]);
  });

  it("is known where the container has a new keeper, which goes on looking after its networks", async () => {
    const { env } = stage;
    for (const name of ["one", "two"]) await env.ok(["network", "create", name]);
    const id = await env.ok(["run", "-d", "--name=a", "--network=one", ...SLEEP]);
    await env.ok(["run", "-d", "--name=client", "--network=one", "--network=two", ...SLEEP]);
    killKeeper(id);
    await env.ok(["rename", "a", "b"]);
    expect(await ask("client", "b")).toEqual([await addressOf("b", "one")]);
    killKeeper(id);
    await env.ok(["network", "connect", "two", "b"]);
    expect(await ask("client", "b.two")).toEqual([await addressOf("b", "two")]);
    killKeeper(id);
    await env.ok(["exec", "b", "true"]);
    killNetworkKeeper();
    await env.ok(["exec", "client", "sh", "-c", "until nslookup b.two && nslookup b.one; do sleep 0.1; done"]);
    expect(await ask("client", "b.two")).toEqual([await addressOf("b", "two")]);
    expect(await ask("client", "a")).toEqual([]);
  });
});

describe("the way out", () => {
  it("that a container chose itself stays, whatever becomes of keepers and names", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "--subnet=10.77.1.0/24", "one"]);
    const own = "ip route replace default via 10.77.1.9 && exec sleep 1000";
    await env.ok(["run", "-d", "--name=c", "--network=one", "--cap-add=NET_ADMIN", "busybox", "sh", "-c", own]);
    await env.ok(["exec", "c", "sh", "-c", "until ip route | grep 10.77.1.9; do sleep 0.1; done"]);
    await env.ok(["rename", "c", "d"]);
    killNetworkKeeper();
    await env.ok(["exec", "d", "sh", "-c", "until nslookup d; do sleep 0.1; done"]);
    expect(await wayOut("d")).toBe("default via 10.77.1.9 dev eth0");
  });

  it("is by the network of the highest priority, also while networks come and go", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "--subnet=10.77.1.0/24", "one"]);
    await env.ok(["network", "create", "--subnet=10.77.2.0/24", "two"]);
    await env.ok(["network", "create", "--subnet=10.77.3.0/24", "--internal", "inner"]);
    await env.ok(["network", "create", "--subnet=10.77.4.0/24", "--opt", "no_default_route=true", "aside"]);
    await env.ok(["run", "-d", "--name=c", "--network=one", ...SLEEP]);
    for (const name of ["inner", "aside"]) await env.ok(["network", "connect", "--gw-priority=9", name, "c"]);
    expect(await wayOut("c")).toBe("default via 10.77.1.1 dev eth0");
    await env.ok(["network", "connect", "--gw-priority=-1", "two", "c"]);
    expect(await wayOut("c")).toBe("default via 10.77.1.1 dev eth0");
    await env.ok(["network", "disconnect", "two", "c"]);
    await env.ok(["network", "connect", "--gw-priority=1", "two", "c"]);
    expect(await wayOut("c")).toBe("default via 10.77.2.1 dev eth3");
    expect(await inspect("c", ".NetworkSettings.Networks.two.GwPriority")).toBe(1);
    await env.ok(["network", "disconnect", "two", "c"]);
    expect(await wayOut("c")).toBe("default via 10.77.1.1 dev eth0");
    await env.ok(["network", "disconnect", "one", "c"]);
    expect(await wayOut("c")).toBe("");
    await env.ok(["network", "connect", "--driver-opt=com.docker.network.endpoint.ifname=lan0", "two", "c"]);
    expect(await wayOut("c")).toBe("default via 10.77.2.1 dev lan0");
    await env.ok(["restart", "-t0", "c"]);
    expect(await wayOut("c")).toBe("default via 10.77.2.1 dev lan0");
    const uses = ["--network=one", "--network=name=two,gw-priority=3"];
    expect(await env.ok(["run", "--rm", ...uses, "busybox", "ip", "route"])).toStartWith(
      "default via 10.77.2.1 dev eth1",
    );
    expect(await env.fails(["network", "connect", "--driver-opt=x=y", "one", "c"], 1)).toContain(
      'the endpoint option "x" is not supported',
    );
  });
});
