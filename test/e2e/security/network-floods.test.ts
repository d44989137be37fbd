// Too much of everything: connections that nobody answers, or that say nothing, thousands of flows, frames that are no packets. The
// network keeper stays small, and whoever has nothing to do with it notices nothing, meanwhile and afterwards.

import { beforeEach, describe, expect } from "bun:test";

import * as frames from "../../support/frames.ts";
import { isLong } from "../../support/guards.ts";
import { type Keeper, useGround } from "../../support/network-attack.ts";
import { hardwareOf, RAW } from "../../support/network-lan.ts";
import { HOST, PORT, WORLD, WORLD6 } from "../../support/network-world.ts";
import { Random, testSeed } from "../../support/random.ts";

/** From the world's network, but nobody's: what is sent there is neither answered nor refused for seconds. */
const SILENT = "10.99.0.99";
const MANY = isLong() ? 40_000 : 10_000;
const FRAMES = isLong() ? 200_000 : 6_000;
/** MiB of the whole network keeper; at rest it has 2. */
const MOST_MEMORY = 16;
/** Of one container's flows and attempts. */
const MOST_SOCKETS = 5_000;
const PUBLISHED = 18_090;
const PATIENCE_MS = "4000";

const ground = useGround();
const { it } = ground;

let keeper: Keeper;

beforeEach(async () => {
  await ground.ok("network", "create", "--ipv6", "lan");
  await ground.container("quiet", "--network=lan", "-p", `${PUBLISHED + 1}:80`);
  await ground.script("quiet", "while true; do echo quiet | nc -l -p 80; done > /dev/null 2>&1 &");
  await ground.container("mallory", "--network=lan", ...RAW, "-p", `${PUBLISHED}:80`);
  keeper = ground.keeper();
  keeper.forgetPeak();
});

/** All is well for the others, out and in. */
async function expectOthersWell(): Promise<void> {
  await ground.expectWell("quiet");
  await using answered = await ground.strangers("world", "tcp", `${HOST}:${PUBLISHED + 1}`, "1", "1", "10000", "");
  expect(answered.counts["ok"]).toBe(1);
  expect(ground.keeper().pid).toBe(keeper.pid);
  expect(keeper.peak()).toBeLessThan(MOST_MEMORY);
}

describe("a container", () => {
  it("that knocks at ten thousand doors of nobody's keeps the others from none", async () => {
    await using crowd = await ground.crowd("mallory", "tcp", `${SILENT}:10000`, String(MANY), "1", PATIENCE_MS, "");
    expect(crowd.counts["ok"]).toBe(0);
    expect(keeper.sockets()).toBeLessThan(MOST_SOCKETS);
    await expectOthersWell();
    await crowd[Symbol.asyncDispose]();
    await expectOthersWell();
    await ground.expectWell("mallory");
  });

  it("that has ten thousand flows of datagrams has as many as it may", async () => {
    for (const target of [`${WORLD}:20000`, `${SILENT}:20000`, `[${WORLD6}]:20000`]) {
      await using crowd = await ground.crowd("mallory", "udp", target, String(MANY), "1", PATIENCE_MS, "00");
      expect(crowd.counts["ok"] ?? 0).toBeGreaterThan(0);
      expect(keeper.sockets()).toBeLessThan(MOST_SOCKETS);
      await expectOthersWell();
    }
    await ground.expectWell("mallory");
  });

  it("that has ten thousand connections has as many as it may, and all end with it", async () => {
    const before = keeper.sockets();
    {
      await using crowd = await ground.crowd("mallory", "tcp", `${WORLD}:${PORT}`, "1", String(MANY), "8000", "");
      expect(crowd.counts["ok"]).toBeGreaterThan(0);
      await expectOthersWell();
    }
    await ground.expectWell("mallory");
    await ground.ok("rm", "-f", "-t0", "mallory");
    await expectOthersWell();
    expect(keeper.sockets()).toBeLessThanOrEqual(before);
  });

  it("that sends what is no packet, or never the rest of it, is not understood", async () => {
    await ground.attack("mallory", ["frames", "eth0"], frames.lines(await garbage()));
    await expectOthersWell();
    await ground.expectWell("mallory");
  });
});

describe("a published port", () => {
  it("whose clients are thousands, and say nothing, is not closed to others", async () => {
    await ground.script("mallory", "while true; do nc -l -p 80 -e sleep 600; done > /dev/null 2>&1 &");
    const clients = String(isLong() ? 20_000 : 2_000);
    await using crowd = await ground.strangers("world", "tcp", `${HOST}:${PUBLISHED}`, "1", clients, PATIENCE_MS, "");
    expect(crowd.counts["ok"]).toBeGreaterThan(0);
    await expectOthersWell();
    await crowd[Symbol.asyncDispose]();
    await expectOthersWell();
  });

  it("whose clients break off at once, again and again, has nothing of them left", async () => {
    const before = keeper.sockets();
    for (let round = 0; round < 3; round += 1) {
      await using crowd = await ground.strangers("world", "tcp", `${HOST}:${PUBLISHED}`, "1", "500", "1000", "00");
      expect(Object.keys(crowd.counts).length).toBeGreaterThan(0);
    }
    await expectOthersWell();
    while (keeper.sockets() > before) await Bun.sleep(10);
  });
});

/** Packets to the world, and damaged ones; fragments of which some are missing, overlap or come twice; options; noise. */
async function garbage(): Promise<Uint8Array[]> {
  const { address, address6, mac, gateway } = await ground.ends("mallory");
  const bridge = await hardwareOf(ground, "mallory", gateway);
  const ethernet = (type: number, payload: Uint8Array) => frames.ethernet({ to: bridge, from: mac, type }, payload);
  const four = (protocol: number, body: Uint8Array, more: Partial<frames.Packet> = {}) =>
    ethernet(frames.IPV4, frames.ipv4({ from: address, to: WORLD, protocol, ...more }, body));
  const six = (protocol: number, body: Uint8Array) =>
    ethernet(frames.IPV6, frames.ipv6({ from: address6, to: WORLD6, protocol }, body));
  const ends: [string, string] = [address, WORLD];
  const ends6: [string, string] = [address6, WORLD6];
  const syn = (options: number[]) => frames.tcp(ends, [4000, PORT], { options });
  // A length of none loops; one beyond the end; every option there is.
  const optionsOfTcp = [
    [0xfe, 0, 0, 0],
    [2, 40, 0, 0],
    [8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    Array<number>(40).fill(1),
  ];
  const sourceRoute = [0x83, 7, 4, ...frames.ip("127.0.0.1"), 0];
  const record = [0x07, 39, 4, ...Array<number>(37).fill(0)];
  const headers = [
    ...optionsOfTcp.map((options) => four(frames.TCP, syn(options))),
    ...[0, 1, 3, 0x3f, 0xff].map((flags) => four(frames.TCP, frames.tcp(ends, [4001, PORT], { flags }))),
    four(frames.UDP, frames.udp(ends, [4000, 9], new Uint8Array(10)), { options: sourceRoute }),
    four(frames.ICMP, frames.icmp(8, 0, [0, 1, 0, 1, 1, 2, 3]), { options: record }),
    four(
      frames.ICMP,
      frames.icmp(3, 4, [0, 0, 0, 0, ...frames.ipv4({ from: WORLD, to: address, protocol: frames.TCP }, syn([]))]),
    ),
    four(frames.UDP, frames.udp(ends, [4000, 9], new Uint8Array(1470)), { hops: 1 }),
    six(frames.UDP, frames.udp(ends6, [4000, 9], new Uint8Array(10))),
    six(frames.TCP, frames.tcp(ends6, [4000, PORT])),
    six(frames.ICMP6, frames.icmp6(ends6, 128, new Uint8Array(20))),
    // Hop by hop, routing and destination options, a fragment, one in the other.
    ...[0, 43, 60, 44].map((kind) =>
      six(kind, Uint8Array.from([kind, 0, 0, 0, 0, 0, 0, 0, frames.UDP, 255, 0, 0, 0, 0, 0, 0])),
    ),
    ...[2, 47, 50, 132, 255].map((protocol) => four(protocol, new Uint8Array(40))),
  ];
  const MORE = 0x2000;
  const piece = (identification: number, fragment: number) =>
    four(frames.UDP, new Uint8Array(1480), { identification, fragment });
  const pieces = Array.from({ length: 500 }, (_, at) => [
    piece(at, MORE),
    piece(at, 4),
    piece(at, MORE | 0x1fff),
  ]).flat();
  const random = new Random(testSeed());
  // So much stays that it is known as mallory's: the source in IPv4 and in IPv6.
  const damaged = Array.from({ length: FRAMES }, () => {
    const whole = headers[random.below(headers.length)] ?? new Uint8Array(60);
    return frames.damaged(whole, whole[12] === 8 ? [12, 20] : [8, 40], random);
  });
  return [...headers, ...pieces, ...damaged];
}
