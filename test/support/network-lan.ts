// A network of three: mallory, who may send any frame, and alice and bob, who go about their business. What mallory sends must
// come to nothing: nobody hears lies, nobody believes advice, nobody else's words come to mallory.
//
//   const lan = await Lan.open(ground);
//   await lan.attackWith({ lies: [lan.frame(ARP, arp(2, [lan.mallory.mac, lan.bob.address], …))] });

import { expect } from "bun:test";

import * as frames from "./frames.ts";
import type { Ends, Ground } from "./network-attack.ts";

/** What makes a container's root as dangerous as it gets on a link. */
export const RAW = ["--cap-add=NET_RAW", "--cap-add=NET_ADMIN"];
/** The end of a frame, which a tag that is taken off does not change. */
const LIE_LENGTH = 42;

interface Hostile {
  /** What must not come to anybody. */
  lies?: Uint8Array[];
  /** What may come, for it is mallory's own, and must not be believed. */
  advice?: Uint8Array[];
}

/** Where they are. */
interface Places {
  mallory: Ends;
  alice: Ends;
  bob: Ends;
}

export class Lan {
  readonly mallory: Ends;
  readonly alice: Ends;
  readonly bob: Ends;
  /** What bob tells whoever comes to port 80, for the eavesdropper to look for. */
  readonly secret = "secret-5ec4e7aa5ec4e7";
  readonly #ground: Ground;

  private constructor(ground: Ground, { mallory, alice, bob }: Places) {
    this.#ground = ground;
    [this.mallory, this.alice, this.bob] = [mallory, alice, bob];
  }

  static async open(ground: Ground): Promise<Lan> {
    await ground.ok("network", "create", "--ipv6", "lan");
    const open = async (name: string) => {
      await ground.container(name, "--network=lan", ...RAW);
      return await ground.ends(name);
    };
    const [mallory, alice, bob] = await Promise.all([open("mallory"), open("alice"), open("bob")]);
    const lan = new Lan(ground, { mallory, alice, bob });
    await ground.script("bob", `while true; do echo ${lan.secret} | nc -l -p 80; done > /dev/null 2>&1 &`);
    return lan;
  }

  /** A frame of mallory's, to everybody or to one. */
  frame(type: number, payload: Uint8Array, more: Partial<frames.Ethernet> = {}): Uint8Array {
    return frames.ethernet({ to: frames.BROADCAST, from: this.mallory.mac, type, ...more }, payload);
  }

  /** Sends them while the others talk: none of that comes to mallory, and they know afterwards what they knew before. */
  async attackWith({ lies = [], advice = [] }: Hostile): Promise<void> {
    await this.expectWell();
    const before = await this.#knowledge();
    const ears = await Promise.all(["mallory", "alice", "bob"].map((name) => this.#ground.listen(name)));
    const hostile = [...lies, ...advice];
    expect(await this.#ground.attack("mallory", ["frames", "eth0"], frames.lines(hostile))).toEqual({
      ok: hostile.length,
    });
    expect(await this.#knowledge()).toEqual(before);
    await this.expectWell();
    const [atMallory = [], ...others] = await Promise.all(ears.map((hear) => hear()));
    const secret = Buffer.from(this.secret).toString("hex");
    expect(atMallory.filter((text) => text.includes(secret))).toEqual([]);
    const words = lies.map((lie) => Buffer.from(lie.subarray(-LIE_LENGTH)).toString("hex"));
    expect(others.flat().filter((text) => words.some((word) => text.includes(word)))).toEqual([]);
    expect(others.flat().join()).toContain(secret);
  }

  /** Alice and bob, to the world and to each other. */
  async expectWell(): Promise<void> {
    const { alice, bob } = this;
    const gateways = [`tcp:${alice.gateway}:80`, `tcp:[${alice.gateway6}]:80`];
    await Promise.all([this.#ground.expectWell("alice"), this.#ground.expectWell("bob")]);
    const served = `tcp:${bob.address}:80`;
    const refused = [`tcp:[${bob.address6}]:81`, ...gateways];
    expect(await this.#ground.reached("alice", served, ...refused)).toEqual({
      [served]: `heard ${this.secret}`,
      ...Object.fromEntries(refused.map((place) => [place, "errno 111"])),
    });
  }

  /** What the others hold to be true of the network. Who is where, where they have asked. */
  async #knowledge(): Promise<string[]> {
    const { mallory, alice, bob } = this;
    const look = "ip -o addr; ip route; ip -6 route; cat /etc/resolv.conf";
    const neighbours = "ip neigh; ip -6 neigh";
    return await Promise.all(
      ["alice", "bob"].map(async (name) => {
        const places = (await this.#ground.script(name, neighbours)).split("\n").flatMap((line) => {
          const [, address, mac] = /^(\S+) .*lladdr (\S+)/.exec(line) ?? [];
          return mac === undefined ? [] : [`${address} at ${mac}`];
        });
        // What they have learned since is right or it is not.
        const known = [alice, bob, mallory].flatMap(({ address, address6, mac }) => [
          `${address} at ${mac}`,
          `${address6} at ${mac}`,
        ]);
        const wrong = places.filter((place) => !known.includes(place) && !this.#isOfGateway(place));
        return `${(await this.#ground.script(name, look)).replaceAll(/ tentative| (?:expires|valid_lft) \S+/g, "")}\n${wrong.join("\n")}`;
      }),
    );
  }

  #isOfGateway(place: string): boolean {
    const { mallory, alice, bob } = this;
    const [address = "", mac = ""] = place.split(" at ");
    if (address.startsWith("fe80")) return true;
    return [mallory.gateway, mallory.gateway6].includes(address) && ![mallory.mac, alice.mac, bob.mac].includes(mac);
  }
}

/** RFC 4291, appendix A. */
export function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = frames.mac(mac);
  const word = (high: number, low: number) => ((high << 8) | low).toString(16);
  return `fe80::${word(a ^ 2, b)}:${word(c, 0xff)}:${word(0xfe, d)}:${word(e, f)}`;
}

/** Whom a container takes an address for. */
export async function hardwareOf(ground: Ground, container: string, address: string): Promise<string> {
  const shown = await ground.script(container, `ping -c 1 -W 1 ${address} > /dev/null; ip neigh show ${address}`);
  return /lladdr (\S+)/.exec(shown)?.[1] ?? "";
}
