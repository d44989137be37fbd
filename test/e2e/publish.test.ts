// Published ports: from the world beyond the host, from the host itself and from the containers; who comes is seen as who it is.

import { beforeEach, describe, expect } from "bun:test";

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { networkKeeperOf } from "../support/network-state.ts";
import { HOST, HOST6, WORLD, WORLD6 } from "../support/network-world.ts";
import { useWorldStage } from "../support/world-stage.ts";

const FIRST_FREE = 18_080;

const { stage, it, ok, world } = useWorldStage({
  needs: ["ip", "nft"],
});

// Their containers are gone by then.
beforeEach(() => stage.env.ok(["network", "prune", "-f"]));

async function fails(...args: string[]): Promise<string> {
  const { code, stderr } = await stage.env.run(args, { launcher: world().launcher(stage.env) });
  expect(code).toBe(125);
  return stderr;
}

/** Tells each who comes to port 80 as whom it is seen. */
const WHO = ["sh", "-c", `while true; do nc -l -p 80 -e sh -c "netstat -tn | awk '/:80 /{print \\$5}'"; done`];
/** The same by datagrams to port 53, for busybox has no program for them. */
const WHO_UDP = `
  await Bun.udpSocket({ hostname: "0.0.0.0", port: 53, socket: { data: (own, _, port, from) => own.send(from, port, from) } });
  console.log("ready");`;
const ASK_UDP = `
  const socket = await Bun.udpSocket({ socket: { data: (_own, answer) => { console.log(answer.toString()); process.exit(0); } } });
  setInterval(() => socket.send("who?", Number(process.argv[2]), process.argv[1]), 200);
  setTimeout(() => process.exit(1), 5000);`;
/** Between two who come nobody listens for a moment. */
const TRIES = 20;
const PAUSE_MS = 50;

async function ask(place: "host" | "world", address: string, port: number): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const { stdout } = await world().command(place, ["timeout", "5", "busybox", "nc", address, String(port)]);
    if (stdout !== "" || attempt === TRIES) return stdout.trim();
    await Bun.sleep(PAUSE_MS);
  }
}

/** `ADDRESS:PORT`, or `[ADDRESS]:PORT` → the address. */
function addressOf(peer: string): string {
  return peer
    .replace(/:\d+$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/^::ffff:/, "");
}

describe("a published port", () => {
  it("is reached from the world, and the container sees the client's own address", async () => {
    await ok("network", "create", "--ipv6", "six");
    await ok("run", "-d", "--name=web", "--network=six", "-p", `${FIRST_FREE}:80`, "busybox", ...WHO);
    expect(addressOf(await ask("world", HOST, FIRST_FREE))).toBe(WORLD);
    expect(addressOf(await ask("world", HOST6, FIRST_FREE))).toBe(WORLD6);
    expect(await ok("port", "web")).toBe(`80/tcp -> 0.0.0.0:${FIRST_FREE}\n80/tcp -> [::]:${FIRST_FREE}`);
    expect(await ok("port", "web", "80")).toBe(`0.0.0.0:${FIRST_FREE}\n[::]:${FIRST_FREE}`);
    expect(await ok("ps", "--format", "{{.Ports}}", "--filter", `publish=${FIRST_FREE}`)).toBe(
      `0.0.0.0:${FIRST_FREE}->80/tcp, [::]:${FIRST_FREE}->80/tcp`,
    );
    expect(await ok("inspect", "-f", '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "web")).toBe(
      String(FIRST_FREE),
    );
  });

  it("is reached from the host and from containers, its own among them, never as somebody on the loopback", async () => {
    await ok("run", "-d", "--name=web", "-p", `${FIRST_FREE}:80`, "busybox", ...WHO);
    const gateway = await ok("inspect", "-f", "{{.NetworkSettings.Gateway}}", "web");
    expect(addressOf(await ask("host", "127.0.0.1", FIRST_FREE))).toBe(gateway);
    expect(addressOf(await ask("host", HOST, FIRST_FREE))).toBe(HOST);
    const again = `until answer=$(timeout 5 nc ${HOST} ${FIRST_FREE} < /dev/null) && [ -n "$answer" ]; do sleep 0.05; done`;
    const within = ["sh", "-c", `${again}; echo "$answer"`];
    expect(addressOf(await ok("exec", "web", ...within))).toBe(HOST);
    expect(addressOf(await ok("run", "--rm", "--network=bridge", "busybox", ...within))).toBe(HOST);
  });

  it("on the loopback address stays there", async () => {
    await ok("run", "-d", "-p", `127.0.0.1:${FIRST_FREE}:80`, "busybox", ...WHO);
    expect(await ask("host", "127.0.0.1", FIRST_FREE)).not.toBe("");
    expect(await ask("world", HOST, FIRST_FREE)).toBe("");
  });

  it("may be one of UDP", async () => {
    await ok("run", "-d", "--name=names", "-p", `${FIRST_FREE}:53/udp`, "busybox", "sleep", "100");
    const pid = await ok("inspect", "-f", "{{.State.Pid}}", "names");
    const inside = ["nsenter", `--net=/proc/${pid}/ns/net`, process.execPath, "-e", WHO_UDP];
    const server = Bun.spawn(inside, { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    try {
      await server.stdout.getReader().read();
      const askUdp = (place: "host" | "world", address: string) =>
        world().command(place, [process.execPath, "-e", ASK_UDP, address, String(FIRST_FREE)]);
      expect((await askUdp("world", HOST)).stdout.trim()).toBe(WORLD);
      const gateway = await ok("inspect", "-f", "{{.NetworkSettings.Gateway}}", "names");
      expect((await askUdp("host", "127.0.0.1")).stdout.trim()).toBe(gateway);
    } finally {
      server.kill();
      await server.exited;
    }
  });

  it("is refused where the container refuses", async () => {
    await ok("run", "-d", "-p", `${FIRST_FREE}:81`, "busybox", ...WHO);
    const started = performance.now();
    expect(await ask("world", HOST, FIRST_FREE)).toBe("");
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it("is one container's alone, and free the moment it has ended", async () => {
    const publish = ["-p", `${FIRST_FREE}:80`, "busybox", "sleep", "100"];
    await ok("run", "-d", "--name=first", ...publish);
    expect(await fails("run", "-d", "--name=second", ...publish)).toMatch(/address already in use|already allocated/);
    for (let round = 0; round < 3; round += 1) {
      await ok("rm", "-f", "-t0", "first");
      await ok("run", "-d", "--name=first", ...publish);
    }
    await ok("stop", "-t0", "first");
    await ok("run", "--rm", "-p", `${FIRST_FREE}:80`, "busybox", "true");
    await ok("start", "first");
  });

  it("below 1024 is refused with the ways out", async () => {
    const complaint = await fails("run", "--rm", "-p", "80:80", "busybox", "true");
    expect(complaint).toContain("permission denied");
    expect(complaint).toContain("sysctl net.ipv4.ip_unprivileged_port_start=80`");
    expect(complaint).toContain("-p 8080:…");
    // The third way leads from there to here, and the client stays who it is.
    const [, rule = ""] = /`nft '([^']*)'`/.exec(complaint) ?? [];
    expect(await world().command("host", ["nft", rule])).toMatchObject({ code: 0 });
    await ok("run", "-d", "-p", "8080:80", "busybox", ...WHO);
    expect(addressOf(await ask("world", HOST, 80))).toBe(WORLD);
    expect(await world().command("host", ["nft", "delete table inet bunker_ports"])).toMatchObject({ code: 0 });
    const both = await fails("run", "--rm", "-p", "443:443", "-p", "81:80", "busybox", "true");
    expect(both).toContain("failed to bind host port 0.0.0.0:443: permission denied");
    expect(both).toContain("sysctl net.ipv4.ip_unprivileged_port_start=81`");
  });

  it("that names no address is where the network says, else the setting", async () => {
    const { env } = stage;
    const launcher = world().launcher(env);
    const publish = ["-p", `${FIRST_FREE}:80`, "-p", `${HOST}:${FIRST_FREE + 1}:81`, "--expose=82", "-P"];
    const where = async (network: string, environment: Record<string, string> = {}) => {
      await env.ok(["run", "-d", "--name=c", `--network=${network}`, ...publish, "busybox", "sleep", "100"], {
        launcher,
        environment,
      });
      const shown = await ok("port", "c");
      expect(await ok("inspect", "-f", '{{(index (index .HostConfig.PortBindings "80/tcp") 0).HostIp}}', "c")).toBe("");
      await ok("rm", "-f", "-t0", "c");
      return shown.replace(/(82\/tcp -> .*):\d+/g, "$1");
    };
    const everywhere = (port: string, host: string) => [`${port}/tcp -> 0.0.0.0${host}`, `${port}/tcp -> [::]${host}`];
    const named = `81/tcp -> ${HOST}:${FIRST_FREE + 1}`;
    expect((await where("bridge")).split("\n")).toEqual([
      ...everywhere("80", `:${FIRST_FREE}`),
      named,
      ...everywhere("82", ""),
    ]);
    const on = (address: string) => `80/tcp -> ${address}:${FIRST_FREE}\n${named}\n82/tcp -> ${address}`;
    expect(await where("bridge", { BUNKER_PUBLISH_ADDRESS: "127.0.0.1" })).toBe(on("127.0.0.1"));
    const config = join(env.home, ".config/bunker");
    mkdirSync(config, { recursive: true });
    try {
      writeFileSync(join(config, "config.json"), '{"publishAddress": "127.0.0.2"}');
      expect(await where("bridge")).toBe(on("127.0.0.2"));
      expect(await where("bridge", { BUNKER_PUBLISH_ADDRESS: "127.0.0.1" })).toBe(on("127.0.0.1"));
      await ok("network", "create", "-o", "com.docker.network.bridge.host_binding_ipv4=127.0.0.3", "own");
      expect(await where("own", { BUNKER_PUBLISH_ADDRESS: "127.0.0.1" })).toBe(on("127.0.0.3"));
      writeFileSync(join(config, "config.json"), '{"publishAddress": 7}');
      expect(await fails("run", "--rm", "-p", "80", "busybox")).toContain('"publishAddress" is not a string');
      writeFileSync(join(config, "config.json"), '{"publishAddress": "lo"}');
      expect(await fails("run", "--rm", "-p", "80", "busybox")).toContain("invalid IP address");
    } finally {
      rmSync(config, { recursive: true, force: true });
    }
  });

  it("is any that is free where none is named, and all that the image exposes with -P", async () => {
    await ok("run", "-d", "--name=any", "-p", "80", "busybox", ...WHO);
    const [, port = ""] = /:(\d+)/.exec(await ok("port", "any", "80")) ?? [];
    expect(addressOf(await ask("world", HOST, Number(port)))).toBe(WORLD);
    await ok("run", "-d", "--name=all", "--expose=80", "--expose=90/udp", "-P", "busybox", ...WHO);
    expect((await ok("port", "all")).split("\n")).toHaveLength(4);
  });

  it("comes back when the network keeper was killed", async () => {
    await ok("run", "-d", "-p", `${FIRST_FREE}:80`, "busybox", ...WHO);
    process.kill(networkKeeperOf(stage.env), "SIGKILL");
    const until = performance.now() + 10_000;
    while (performance.now() < until && (await ask("world", HOST, FIRST_FREE)) === "") await Bun.sleep(50);
    expect(addressOf(await ask("world", HOST, FIRST_FREE))).toBe(WORLD);
  });
});

describe("the host's own loopback", () => {
  it("is there for those alone who asked for it", async () => {
    const reach = ["sh", "-c", "{ echo who; sleep 0.2; } | timeout 5 nc 169.254.1.2 7000; true"];
    expect(await ok("run", "--rm", "--network=bridge", "busybox", ...reach)).toBe("");
    const flags = ["--add-host=host.docker.internal:host-gateway"];
    expect(await ok("run", "--rm", ...flags, "busybox", ...reach)).toBe("127.0.0.1");
    expect(await ok("run", "--rm", ...flags, "busybox", "cat", "/etc/hosts")).toContain(
      "169.254.1.2\thost.docker.internal",
    );
  });
});

describe("a network with the world's own addresses", () => {
  it("hides them for as long as a container is on it, and no longer", async () => {
    // Beyond the default route: of what the host reaches directly nobody makes a network.
    const far = "10.98.0.2";
    await world().command("world", ["ip", "addr", "add", `${far}/32`, "dev", "lo"]);
    await ok("network", "create", "--subnet=10.98.0.0/24", "shadow");
    await ok("run", "-d", "--name=asker", "--network=bridge", "busybox", "sleep", "1000");
    const question = `{ echo who; sleep 0.2; } | timeout 5 nc ${far} 7000; true`;
    const answer = async () => addressOf(await ok("exec", "asker", "sh", "-c", question));
    expect(await answer()).toBe(HOST);
    await ok("run", "-d", "--name=shadow", "--network=shadow", "busybox", "sleep", "1000");
    expect(await answer()).toBe("");
    await ok("rm", "-f", "-t0", "shadow");
    expect(await answer()).toBe(HOST);
  });
});
