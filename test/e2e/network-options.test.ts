// What `network create` is told besides addresses, what is told of networks, and how they are chosen.

import { beforeEach, describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

// Their containers are gone by then.
beforeEach(() => stage.env.ok(["network", "prune", "-f"]));

const ICC = "com.docker.network.bridge.enable_icc";
const BRIDGE = "com.docker.network.bridge.name";
/** Serves whoever comes, again and again. */
const SERVE = ["busybox", "sh", "-c", "while true; do echo served | nc -l -p 80; done"];

async function addressOf(container: string, network: string): Promise<string> {
  const template = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return await stage.env.ok(["inspect", "-f", template, container]);
}

describe("network create --opt", () => {
  it("enable_icc=false: containers reach their gateway and names, and not each other", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "-o", `${ICC}=false`, "--subnet=10.77.0.0/24", "apart"]);
    await env.ok(["network", "create", "-o", `${ICC}=true`, "-o", "isolate=true", "--subnet=10.78.0.0/24", "joined"]);
    for (const network of ["apart", "joined"]) {
      await env.ok(["run", "-d", `--name=on-${network}`, `--network=${network}`, ...SERVE]);
    }
    const ask = (network: string) =>
      env.run(["run", "--rm", `--network=${network}`, "busybox", "nc", "-w1", `on-${network}`, "80"]);
    expect(await ask("joined")).toMatchObject({ code: 0, stdout: "served\n" });
    expect((await ask("apart")).code).toBe(1);
    // Who answers is the gateway.
    const { stdout } = await env.run(["run", "--rm", "--network=apart", "busybox", "nslookup", "on-apart"]);
    expect(stdout).toContain(`Address: ${await addressOf("on-apart", "apart")}\n`);
  });

  it("names of bridge and links, addresses for others, and what is shown of it", async () => {
    const { env } = stage;
    const options = ["-o", "com.docker.network.container_iface_prefix=lan", "-o", "mtu=1400"];
    const words = ["--subnet=10.77.0.0/24", "--aux-address=router=10.77.0.2", "--attachable", "--ipam-driver=default"];
    await env.ok(["network", "create", ...options, ...words, "--interface-name=br-web", "--scope=local", "one"]);
    const shown = await env.ok(["run", "--rm", "--network=one", "busybox", "ip", "addr", "show", "lan0"]);
    expect(shown).toContain("inet 10.77.0.3/24");
    expect(shown).toContain("mtu 1400");
    const [network] = JSON.parse(await env.ok(["network", "inspect", "one"])) as Record<string, unknown>[];
    expect(network).toMatchObject({
      Attachable: true,
      Options: { [BRIDGE]: "br-web", mtu: "1400" },
      IPAM: { Config: [{ Subnet: "10.77.0.0/24", AuxiliaryAddresses: { router: "10.77.0.2" } }] },
    });
    expect(await env.fails(["run", "--rm", "--network=one", "--ip=10.77.0.2", "busybox"], 125)).toContain(
      "Address already in use: 10.77.0.2",
    );
    expect(await env.fails(["network", "create", "-o", `${BRIDGE}=br-web`, "two"], 1)).toContain(
      "bridge name br-web already in use by network one",
    );
  });

  it("and other flags that would have no effect are refused", async () => {
    const { env } = stage;
    const refused: [string[], string][] = [
      [["-o", "isolate=false"], 'the network option "isolate=false" is not supported'],
      [["-o", "vlan=7"], 'the network option "vlan" is not supported'],
      [["-o", `${BRIDGE}=docker1`], 'a bridge cannot be called "docker1"'],
      [["--ipam-driver=dhcp"], 'the IPAM driver "dhcp" is not supported'],
      [["--ipam-opt=a=b"], 'the IPAM option "a=b" is not supported'],
      [["--scope=swarm"], 'the scope "swarm" is not supported'],
      [["--config-only"], "not supported yet"],
    ];
    for (const [flags, message] of refused) {
      expect(await env.fails(["network", "create", ...flags, "x"], flags[0] === "--config-only" ? 125 : 1)).toContain(
        message,
      );
    }
    expect(await env.fails(["network", "inspect", "--verbose", "bridge"], 125)).toContain("services of a swarm");
  });
});

describe("network ls and prune", () => {
  it("choose by use, label and age", async () => {
    const { env } = stage;
    for (const name of ["one", "two"]) await env.ok(["network", "create", "--label", `is=${name}`, name]);
    await env.ok(["create", "--name=c", "--network=one", "busybox"]);
    const list = (filter: string) => env.ok(["network", "ls", "--format", "{{.Name}}", "--filter", filter]);
    expect(await list("dangling=true")).toBe("two");
    expect(await list("dangling=false")).toBe("bridge\nhost\nnone\none");
    expect(await list("label=is=two")).toBe("two");
    expect(await list("label!=is")).toBe("bridge\nhost\nnone");
    expect(await list("until=1h")).toBe("host\nnone");
    expect(await env.ok(["network", "prune", "-f", "--filter", "until=1h"])).toBe("");
    expect(await env.ok(["network", "prune", "-f", "--filter", "label=is=one"])).toBe("");
    expect(await env.ok(["network", "prune", "-f", "--filter", "label=is"])).toBe("Deleted Networks:\ntwo\n");
  });
});

describe("inspect", () => {
  it("says of a container's networks all that docker's clients read", async () => {
    const { env } = stage;
    await env.ok(["network", "create", "--subnet=10.77.0.0/24", "one"]);
    const wishes = ["--ip=10.77.0.9", "--network-alias=web", "--mac-address=02:00:00:00:00:09", "-h", "box"];
    const id = await env.ok([
      "create",
      "--name=c",
      "--network=one",
      ...wishes,
      "--expose=80",
      "busybox",
      "sleep",
      "99",
    ]);
    const settings = async () =>
      JSON.parse(await env.ok(["inspect", "-f", "{{json .NetworkSettings}}", "c"])) as Record<string, unknown>;
    const asked = {
      IPAMConfig: { IPv4Address: "10.77.0.9" },
      Links: null,
      Aliases: ["web"],
      DriverOpts: null,
      GwPriority: 0,
      MacAddress: "02:00:00:00:00:09",
      DNSNames: ["c", id.slice(0, 12), "web", "box"],
    };
    expect(await settings()).toMatchObject({
      SandboxID: "",
      SandboxKey: "",
      Ports: {},
      Networks: { one: { ...asked, IPAddress: "", EndpointID: "" } },
    });
    await env.ok(["start", "c"]);
    const pid = await env.ok(["inspect", "-f", "{{.State.Pid}}", "c"]);
    const running = await settings();
    expect(running).toEqual({
      Bridge: "",
      SandboxID: expect.stringMatching(/^[0-9a-f]{64}$/),
      SandboxKey: `/proc/${pid}/ns/net`,
      Ports: { "80/tcp": null },
      HairpinMode: false,
      LinkLocalIPv6Address: "",
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      EndpointID: "",
      Gateway: "",
      GlobalIPv6Address: "",
      GlobalIPv6PrefixLen: 0,
      IPAddress: "",
      IPPrefixLen: 0,
      IPv6Gateway: "",
      MacAddress: "",
      Networks: {
        one: {
          ...asked,
          NetworkID: await env.ok(["network", "inspect", "-f", "{{.Id}}", "one"]),
          EndpointID: expect.stringMatching(/^[0-9a-f]{64}$/),
          Gateway: "10.77.0.1",
          IPAddress: "10.77.0.9",
          IPPrefixLen: 24,
          IPv6Gateway: "",
          GlobalIPv6Address: "",
          GlobalIPv6PrefixLen: 0,
        },
      },
    });
  });
});
