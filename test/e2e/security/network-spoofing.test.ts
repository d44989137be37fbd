// A container that may send any frame it likes (raw sockets, its own links, all its capabilities) is heard as itself or not at all:
// nobody's traffic comes to it.

import { beforeEach, describe, expect } from "bun:test";

import * as frames from "../../support/frames.ts";
import { type Ends, useGround } from "../../support/network-attack.ts";
import { hardwareOf, Lan, linkLocal, RAW } from "../../support/network-lan.ts";

const ground = useGround();
const { it } = ground;

/** Nobody's protocol (IEEE 802, for experiments). */
const NO_PROTOCOL = 0x88b5;
const VLAN = 0x8100;
const SERVICE_VLAN = 0x88a8;
/** All nodes of a link, in IPv6. */
const EVERYBODY = "33:33:00:00:00:01";

let lan: Lan;
let mallory: Ends;
let alice: Ends;
let bob: Ends;

beforeEach(async () => {
  lan = await Lan.open(ground);
  ({ mallory, alice, bob } = lan);
});

/** What a claim says: this address is at mallory's hardware address. */
function byArp(claimed: string): Uint8Array[] {
  const own: [string, string] = [mallory.mac, claimed];
  const victim: [string, string] = [alice.mac, alice.address];
  const nobody: [string, string] = ["00:00:00:00:00:00", alice.address];
  const gratuitous = [1, 2].map((operation) => frames.arp(operation, own, [frames.BROADCAST, claimed]));
  const claims = [frames.arp(2, own, victim), frames.arp(1, own, nobody), ...gratuitous];
  return claims.flatMap((claim) => [lan.frame(frames.ARP, claim), lan.frame(frames.ARP, claim, { to: alice.mac })]);
}

function byAdvertisement(claimed: string): Uint8Array[] {
  const sources = [linkLocal(mallory.mac), mallory.address6];
  const destinations = [
    ["ff02::1", EVERYBODY],
    [alice.address6, alice.mac],
  ];
  return sources.flatMap((from) =>
    destinations.map(([address = "", to = ""]) => {
      const said = frames.neighbourAdvertisement([from, address], claimed, mallory.mac);
      return lan.frame(frames.IPV6, frames.ipv6({ from, to: address, protocol: frames.ICMP6 }, said), { to });
    }),
  );
}

/** Whose address it is, alice is asked by somebody who has none: if she believed it, she would give it up. */
function byDoubt(): Uint8Array {
  const asked = frames.icmp6(["::", "ff02::1"], 135, Uint8Array.from([0, 0, 0, 0, ...frames.ip(alice.address6)]));
  const packet = frames.ipv6({ from: "::", to: "ff02::1", protocol: frames.ICMP6 }, asked);
  return lan.frame(frames.IPV6, packet, { to: EVERYBODY });
}

/** Whoever hears tags of number 0 takes them off. */
function behindTags(claimed: string): Uint8Array[] {
  const claim = frames.arp(2, [mallory.mac, claimed], [alice.mac, alice.address]);
  const kinds = [[VLAN], [SERVICE_VLAN], [SERVICE_VLAN, VLAN], [VLAN, VLAN]];
  return kinds.map((kind) =>
    lan.frame(frames.ARP, claim, { tags: kind.map((protocol) => [protocol, 0]), to: alice.mac }),
  );
}

/** Frames of bob's: a bridge that believes it sends his to mallory. */
function asBob(): { lies: Uint8Array[]; advice: Uint8Array[] } {
  const more = { from: bob.mac };
  const datagram = frames.udp([bob.address, alice.address], [1, 2], new Uint8Array(8));
  const packet = frames.ipv4({ from: bob.address, to: alice.address, protocol: frames.UDP }, datagram);
  const lies = [
    lan.frame(NO_PROTOCOL, new Uint8Array(60), { ...more, to: "02:00:00:00:00:77" }),
    lan.frame(frames.IPV4, packet, more),
    lan.frame(frames.ARP, frames.arp(1, [bob.mac, bob.address], [frames.BROADCAST, alice.gateway]), more),
  ];
  // Too short to say whose they are.
  return {
    lies,
    advice: [frames.IPV4, frames.ARP, frames.IPV6].map((type) => lan.frame(type, new Uint8Array(4), more)),
  };
}

/** The port that the bridge has for a hardware address. */
function portsOf(mac: string): string[] {
  const table = ground.keeper().inside("bridge", "fdb", "show").split("\n");
  const learned = table.filter(
    (line) => line.startsWith(mac) && line.includes(" master ") && !line.includes("permanent"),
  );
  return learned.map((line) => / dev (\S+)/.exec(line)?.[1] ?? "");
}

describe("a container with raw sockets", () => {
  it("is not the gateway, and not a neighbour", async () => {
    const claims = [alice.gateway, bob.address].flatMap((claimed) => [...byArp(claimed), ...behindTags(claimed)]);
    const claims6 = [alice.gateway6, bob.address6, alice.address6].flatMap(byAdvertisement);
    const { lies, advice } = asBob();
    await lan.attackWith({ lies: [...claims, ...claims6, byDoubt(), ...lies], advice });
    // Of whoever is silent the bridge knows nothing.
    await ground.script("mallory", `ping -c 1 -W 10 ${alice.address} > /dev/null`);
    expect([portsOf(mallory.mac).length, portsOf(bob.mac).length]).toEqual([1, 1]);
    expect(portsOf(bob.mac)).not.toEqual(portsOf(mallory.mac));
  });

  it("is not heard with an address that it took, nor with a hardware address", async () => {
    // By its own kernel, which asks with it, and says that it has it; then with the hardware address, too.
    const take = `ip addr add ${bob.address}/16 dev eth0; ip -6 addr add ${bob.address6}/64 dev eth0 nodad
      ip route replace ${alice.address} dev eth0 src ${bob.address}; ip -6 route replace ${alice.address6} dev eth0 src ${bob.address6}
      arping -c 1 -U -I eth0 ${bob.address}`;
    const say = `/attack ask 200 udp:${alice.address}:9 udp:[${alice.address6}]:9`;
    const hear = await ground.listen("alice");
    await ground.script(
      "mallory",
      `(${take}; ${say}; ip link set eth0 address ${bob.mac}; ${say}) > /dev/null 2>&1; true`,
    );
    const said = Buffer.from("who\n").toString("hex");
    const marks = [frames.ip(bob.address), frames.ip(bob.address6), frames.mac(bob.mac)];
    const isOfBob = (text: string) => marks.some((mark) => text.includes(Buffer.from(mark).toString("hex")));
    expect((await hear()).filter((text) => text.includes(said) && isOfBob(text))).toEqual([]);
    const place = `tcp:${bob.address}:80`;
    expect(await ground.reached("alice", place)).toEqual({ [place]: `heard ${lan.secret}` });
    // As itself it is heard again.
    const back = `ip link set eth0 address ${mallory.mac}; ip route del ${alice.address}; ip addr del ${bob.address}/16 dev eth0`;
    const again = await ground.listen("alice");
    await ground.script("mallory", `(${back}; ${say}) > /dev/null 2>&1; true`);
    expect((await again()).join()).toContain(said);
    for (const name of ["alice", "bob", "mallory"]) await ground.expectWell(name);
  });

  it("is no neighbour from another network", async () => {
    await ground.ok("network", "create", "other");
    await ground.container("eve", "--network=other", ...RAW);
    const eve = await ground.ends("eve");
    const packet = (from: string) =>
      frames.ipv4(
        { from, to: alice.address, protocol: frames.UDP },
        frames.udp([from, alice.address], [1, 2], Buffer.from(lan.secret)),
      );
    const bridge = await hardwareOf(ground, "eve", eve.gateway);
    // To everybody, and to the bridge, which would have to carry them on.
    const sent = [bob.address, eve.address].flatMap((from) =>
      [frames.BROADCAST, bridge, alice.mac].map((to) =>
        frames.ethernet({ to, from: eve.mac, type: frames.IPV4 }, packet(from)),
      ),
    );
    const hear = await ground.listen("alice");
    await ground.attack("eve", ["frames", "eth0"], frames.lines(sent));
    expect((await hear()).filter((text) => text.includes(Buffer.from(lan.secret).toString("hex")))).toEqual([]);
    for (const name of ["alice", "eve"]) await ground.expectWell(name);
  });
});

describe("a container with the usual capabilities", () => {
  it("sends no frames at all", async () => {
    await ground.container("plain", "--network=lan");
    expect(await ground.attack<string>("plain", ["frames", "eth0"])).toMatch(/^(?:EPERM|EAFNOSUPPORT|errno 97)$/);
    expect(await ground.attack<string>("plain", ["hear", "eth0"])).toMatch(/^(?:EPERM|EAFNOSUPPORT|errno 97)$/);
    expect(await ground.script("plain", `ip addr add ${bob.address}/16 dev eth0 2>&1; true`)).toContain(
      "not permitted",
    );
  });
});
