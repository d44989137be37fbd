// Where a container gets to: the world, and the host by the host's own addresses in it, as every engine has it. Not the host's loopback
// and its links, in whatever way their addresses are written; not other networks; from an internal network nowhere at all.

import { beforeEach, describe, expect } from "bun:test";

import * as frames from "../../support/frames.ts";
import { useGround } from "../../support/network-attack.ts";
import { hardwareOf, RAW } from "../../support/network-lan.ts";
import { HOST, HOST6, type Place, WORLD, WORLD6 } from "../../support/network-world.ts";
import { ANSWER } from "../../support/who-server.ts";

const PORT = 7100;
const METADATA = "169.254.169.254";
/** In which the host's loopback and link-local addresses could be written. */
const TRANSLATED = "64:ff9b::";

/** Who came to the host, and in the world. */
const came: Record<Place, () => string[]> = { host: () => [], world: () => [] };
let hostLink: string;

const ground = useGround(async ({ world }) => {
  // A host that takes for itself what it can: nothing but our policy is between it and the container.
  for (const command of [
    `ip addr add ${METADATA}/32 dev lo`,
    "ip route add local 198.18.0.0/15 dev lo",
    `ip -6 route add local ${TRANSLATED}/96 dev lo`,
  ]) {
    world.configure("host", command);
  }
  for (const place of ["host", "world"] as const) {
    const said = await ground.program(place, "who-server.ts", String(PORT));
    came[place] = () =>
      said()
        .trimEnd()
        .split("\n")
        .filter((line) => line !== "");
  }
  const { stdout } = await world.command("host", ["ip", "-6", "-o", "addr", "show", "dev", "up0", "scope", "link"]);
  hostLink = /inet6 ([^/]+)/.exec(stdout)?.[1] ?? "";
});
const { it } = ground;

beforeEach(async () => {
  await ground.ok("network", "create", "--ipv6", "lan");
});

function places(...addresses: string[]): string[] {
  const written = addresses.map((address) => (address.includes(":") ? `[${address}]` : address));
  return written.flatMap((address) => [`tcp:${address}:${PORT}`, `udp:${address}:${PORT}`]);
}

/** Those of these places where somebody was. */
async function heardAt(container: string, all: string[], patience = "600"): Promise<string[]> {
  const answers = await ground.attack<Record<string, string>>(container, ["ask", patience, ...all]);
  return all.filter((place) => answers[place] === `heard ${ANSWER}`);
}

/** Behind IPv4's and IPv6's loopback, link-local, unspecified, multicast and broadcast addresses, in every writing, is the host. */
const FORBIDDEN = [
  "127.0.0.1",
  "127.9.9.9",
  "0.0.0.0",
  "0.1.2.3",
  METADATA,
  "169.254.1.2",
  "224.0.0.1",
  "255.255.255.255",
];
const forbidden6 = () => [
  "::1",
  "::",
  hostLink,
  "ff02::1",
  "ff05::1",
  "::ffff:7f00:1",
  "::7f00:1",
  "::ffff:a9fe:a9fe",
  `${TRANSLATED}7f00:1`,
  `${TRANSLATED}a9fe:a9fe`,
  `${TRANSLATED}0:0`,
  "fd00:6275:6e6b::2",
];

describe("the host", () => {
  it("is reached by its addresses in the world, and by no other", async () => {
    await ground.container("mallory", "--network=lan", ...RAW);
    expect(await heardAt("mallory", places(HOST, HOST6), "5000")).toEqual(places(HOST, HOST6));
    const before = came.host().length;
    const { gateway, gateway6 } = await ground.ends("mallory");
    const others = [...FORBIDDEN, ...forbidden6(), gateway, gateway6, "10.99.0.255"];
    const links = ["fe80::1%eth0", `${hostLink}%eth0`, "ff02::1%eth0"];
    expect(await heardAt("mallory", places(...others, ...links))).toEqual([]);
    expect(came.host().slice(before)).toEqual([]);
  });

  it("is not reached by packets that no kernel would send", async () => {
    await ground.container("mallory", "--network=lan", ...RAW);
    const { address, address6, mac, gateway } = await ground.ends("mallory");
    const bridge = await hardwareOf(ground, "mallory", gateway);
    const packets = (from: string, to: string) => {
      const ends: [string, string] = [from, to];
      const bodies = [
        [frames.TCP, frames.tcp(ends, [3000, PORT])],
        [frames.UDP, frames.udp(ends, [3000, PORT], Buffer.from("who"))],
      ] as const;
      const isFour = !to.includes(":");
      return bodies.map(([protocol, body]) =>
        frames.ethernet(
          { to: bridge, from: mac, type: isFour ? frames.IPV4 : frames.IPV6 },
          (isFour ? frames.ipv4 : frames.ipv6)({ from, to, protocol }, body),
        ),
      );
    };
    const before = came.host().length;
    const hostile = [
      ...FORBIDDEN.flatMap((to) => packets(address, to)),
      ...forbidden6().flatMap((to) => packets(address6, to)),
      // The listeners of the relay, on N's own loopback.
      ...["127.0.0.1", gateway].map((to) =>
        frames.ethernet(
          { to: bridge, from: mac, type: frames.IPV4 },
          frames.ipv4({ from: address, to, protocol: frames.TCP }, frames.tcp([address, to], [3000, 4000])),
        ),
      ),
    ];
    const control = [...packets(address, HOST), ...packets(address6, HOST6)];
    expect(await ground.attack("mallory", ["frames", "eth0"], frames.lines(hostile))).toEqual({
      ok: hostile.length,
    });
    expect(await ground.attack("mallory", ["frames", "eth0"], frames.lines(control))).toEqual({
      ok: control.length,
    });
    while (came.host().length < before + control.length) await Bun.sleep(10);
    expect(came.host().slice(before).sort()).toEqual(
      [HOST, HOST6]
        .flatMap((from) =>
          ["tcp", "udp"].map((protocol) => `${protocol} ${from.includes(":") ? "" : "::ffff:"}${from}`),
        )
        .sort(),
    );
    await ground.expectWell("mallory");
  });

  it("shows a container none of its sockets", async () => {
    await ground.container("mallory", "--network=lan", ...RAW);
    expect(await ground.attack("mallory", ["sockets"])).toEqual({});
    expect(await ground.script("mallory", "find / -xdev -type s; grep -c /run /proc/net/unix || true")).toBe("0");
  });
});

describe("another network", () => {
  it("is reached by nobody's address, name, gateway and name server", async () => {
    await ground.ok("network", "create", "--ipv6", "other");
    await ground.container("mallory", "--network=lan", ...RAW);
    await ground.container("victim", "--network=other");
    const victim = await ground.ends("victim");
    await ground.script("victim", `while true; do echo ${ANSWER} | nc -l -p ${PORT}; done > /dev/null 2>&1 &`);
    const addresses = [victim.address, victim.address6, victim.gateway, victim.gateway6];
    expect(await heardAt("mallory", places(...addresses))).toEqual([]);
    // A way that it makes itself is none.
    const ends = await ground.ends("mallory");
    await ground.script(
      "mallory",
      `ip route add ${victim.address} via ${ends.gateway}; ip -6 route add ${victim.address6} via ${ends.gateway6}`,
    );
    expect(await heardAt("mallory", places(...addresses))).toEqual([]);
    for (const server of ["", victim.gateway, victim.gateway6]) {
      const said = await ground.script("mallory", `nslookup victim ${server}; nslookup victim.other ${server}; true`);
      expect(said).not.toContain(victim.address);
      expect(said).not.toContain(victim.address6);
    }
    for (const address of [victim.address, victim.address6]) {
      expect(await ground.script("mallory", `ping -c 1 -W 1 ${address} > /dev/null && echo answered || true`)).toBe("");
    }
    await ground.container("friend", "--network=other");
    expect(await heardAt("friend", [`tcp:${victim.address}:${PORT}`], "5000")).toHaveLength(1);
  });
});

describe("an internal network", () => {
  it("leads nowhere: by TCP, UDP, ICMP, names, nor by routes of one's own", async () => {
    await ground.ok("network", "create", "--ipv6", "--internal", "inner");
    await ground.container("open", "--network=lan");
    await ground.container("mallory", "--network=inner", ...RAW);
    await ground.container("friend", "--network=inner");
    const outside = places(WORLD, WORLD6, HOST, HOST6);
    expect(await heardAt("open", outside, "5000")).toEqual(outside);
    const before = { host: came.host().length, world: came.world().length };
    const { gateway, gateway6 } = await ground.ends("mallory");
    const bridge = /via (\S+) dev/.exec(await ground.script("open", "ip route show default"))?.[1] ?? "";
    expect(bridge).not.toBe("");
    const [own, own6] = (await ground.script("mallory", "cat /etc/resolv.conf")).match(/(?<=nameserver )\S+/g) ?? [];
    const ways = [gateway || own, gateway6 || own6].filter((way) => way !== undefined && way !== "");
    const expectNowhere = async () => {
      expect(await heardAt("mallory", [...outside, ...places(bridge)])).toEqual([]);
      for (const address of [WORLD, WORLD6]) {
        expect(
          await ground.script("mallory", `ping -c 1 -W 1 ${address} > /dev/null 2>&1 && echo answered || true`),
        ).toBe("");
      }
      expect(await ground.script("mallory", "nslookup world.test; true")).not.toContain(WORLD);
    };
    await expectNowhere();
    for (const way of ways)
      await ground.script("mallory", `ip ${way?.includes(":") ? "-6" : ""} route add default via ${way}`);
    expect(await ground.script("mallory", "ip route show default")).toContain("via");
    await expectNowhere();
    expect([came.host().length, came.world().length]).toEqual([before.host, before.world]);
    expect(await ground.script("mallory", "nslookup friend")).toContain((await ground.ends("friend")).address);
  });
});
