// Nobody on a network is told its ways by a container: no redirects, no DHCP, no router advertisements (CVE-2020-13401).

import { beforeEach, describe, expect } from "bun:test";

import * as frames from "../../support/frames.ts";
import { type Ends, useGround } from "../../support/network-attack.ts";
import { Lan, linkLocal, hardwareOf } from "../../support/network-lan.ts";
import { WORLD, WORLD6 } from "../../support/network-world.ts";

const ground = useGround();
const { it } = ground;

let lan: Lan;
let mallory: Ends;
let alice: Ends;
let bob: Ends;

beforeEach(async () => {
  lan = await Lan.open(ground);
  ({ mallory, alice, bob } = lan);
});

/** Of IPv4: to bob, as the gateway says; to mallory, as it says itself. */
function redirects(): { lie: Uint8Array; advice: Uint8Array } {
  const datagram = frames.udp([alice.address, WORLD], [1000, 53], new Uint8Array(8));
  const quoted = frames.ipv4({ from: alice.address, to: WORLD, protocol: frames.UDP }, datagram);
  const said = (from: string, way: string) => {
    const packet = frames.ipv4({ from, to: alice.address, protocol: frames.ICMP }, frames.redirect(way, quoted));
    return lan.frame(frames.IPV4, packet, { to: alice.mac });
  };
  return { lie: said(alice.gateway, bob.address), advice: said(mallory.address, mallory.address) };
}

function redirects6(): Uint8Array[] {
  const own = linkLocal(mallory.mac);
  return [bob.address6, WORLD6].map((destination) => {
    const said = frames.redirect6([own, alice.address6], own, destination, mallory.mac);
    const packet = frames.ipv6({ from: own, to: alice.address6, protocol: frames.ICMP6 }, said);
    return lan.frame(frames.IPV6, packet, { to: alice.mac });
  });
}

/** RFC 2131: an address, and mallory as router and name server. */
function dhcpOffer(): Uint8Array {
  const OPTIONS_AT = 236;
  const own = [4, ...frames.ip(mallory.address)];
  const offer = new Uint8Array(300);
  offer.set([2, 1, 6, 0]);
  offer.set(frames.ip("10.66.66.66"), 16);
  offer.set([0x63, 0x82, 0x53, 0x63, 53, 1, 2, 3, ...own, 6, ...own, 255], OPTIONS_AT);
  const ends: [string, string] = [mallory.address, "255.255.255.255"];
  const packet = { from: ends[0], to: ends[1], protocol: frames.UDP };
  return lan.frame(frames.IPV4, frames.ipv4(packet, frames.udp(ends, [67, 68], offer)));
}

function routerAdvertisement(from: string, to: string): Uint8Array {
  const said = frames.routerAdvertisement([from, to], "fd66::", mallory.mac);
  const packet = frames.ipv6({ from, to, protocol: frames.ICMP6 }, said);
  return lan.frame(frames.IPV6, packet, { to: "33:33:00:00:00:01" });
}

describe("a container with raw sockets", () => {
  it("leads nobody astray by redirects, and is no DHCP server", async () => {
    const { lie, advice } = redirects();
    await lan.attackWith({ lies: [lie], advice: [advice, ...redirects6(), dhcpOffer()] });
  });

  it("advertises no router that a container would believe, or the user's network (CVE-2020-13401)", async () => {
    const own = linkLocal(mallory.mac);
    const gateway = linkLocal(await hardwareOf(ground, "alice", alice.gateway));
    const look = () => ground.keeper().inside("sh", "-c", "ip -6 -o addr; ip -6 route").replaceAll(" tentative", "");
    const before = look();
    const ways = [
      [own, "ff02::1"],
      [own, alice.address6],
      [gateway, "ff02::1"],
    ] as const;
    await lan.attackWith({ lies: ways.map(([from, to]) => routerAdvertisement(from, to)) });
    expect(before).toContain("br-");
    expect(look()).toBe(before);
    const settings =
      "cd /proc/sys/net/ipv6/conf/eth0; cat disable_ipv6 accept_ra accept_redirects; ip -6 -o addr show eth0";
    expect(await ground.script("alice", settings)).toStartWith("0\n0\n0\n");
    await ground.ok("network", "create", "four");
    await ground.container("plain", "--network=four");
    expect(await ground.script("plain", settings)).toBe("1\n0\n0");
  });
});
