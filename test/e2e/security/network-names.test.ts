// Questions and answers of strangers: containers that ask too much and too oddly, name servers that lie, stall and overflow. Nobody
// is told a lie, nobody else waits, and the resolver stays small.

import { beforeEach, describe, expect } from "bun:test";

import { isLong } from "../../support/guards.ts";
import { addressOf, FALSE_ADDRESS, MANNERS, type Manner } from "../../support/hostile-name-server.ts";
import { lines } from "../../support/frames.ts";
import { useGround } from "../../support/network-attack.ts";
import { Random, testSeed } from "../../support/random.ts";

const FIRST = "10.99.0.20";
const TRUTH = "192.0.2.53";
const NAMES = isLong() ? 200_000 : 10_000;
/** Hostile questions of each kind. */
const DAMAGED = isLong() ? 50_000 : 1_000;
/** MiB of the whole network keeper; at rest it has 2. */
const MOST_MEMORY = 16;
const A = 1;
const AXFR = 252;
const ANY = 255;

/** The names that were asked of it. */
let asked: () => string;

const ground = useGround(async () => {
  for (const manner of MANNERS) ground.world.configure("world", `ip addr add ${addressOf(manner, FIRST)}/24 dev down0`);
  asked = await ground.program("world", "hostile-name-server.ts", FIRST);
});
const { it } = ground;

beforeEach(async () => {
  await ground.ok("network", "create", "lan");
});

/** On the network, with a name server of its own. */
function withServer(manner: Manner): string[] {
  return ["--network=lan", `--dns=${addressOf(manner, FIRST)}`];
}

function question(name: string, type = A): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, type >> 8, type & 0xff, 0, 1]);
}

/** Sends them to the container's resolver. */
async function ask(
  container: string,
  questions: Uint8Array[],
  patience = "300",
): Promise<{ sent: number; answered: number }> {
  const { gateway } = await ground.ends(container);
  return await ground.attack(container, ["questions", `${gateway}:53`, patience], lines(questions));
}

/** While something goes on, a container that has nothing to do with it is answered, and the network keeper stays small. */
async function meanwhile<T>(hostile: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const over = hostile.finally(() => (state.isOver = true));
  do await ground.expectWell("quiet");
  while (!state.isOver);
  const outcome = await over;
  await ground.expectWell("quiet");
  expect(ground.keeper().peak()).toBeLessThan(MOST_MEMORY);
  return outcome;
}

describe("a name server", () => {
  it("that lies is not believed, and one that stalls or overflows takes nobody with it", async () => {
    await ground.container("quiet", "--network=lan");
    const keeper = ground.keeper().pid;
    const said = await meanwhile(
      Promise.all(
        MANNERS.map(async (manner) => {
          return [manner, await ground.once(withServer(manner), "nslookup -type=a some.example; true")] as const;
        }),
      ),
    );
    for (const [manner, text] of said) expect([manner, text.includes(FALSE_ADDRESS)]).toEqual([manner, false]);
    const answered = said.filter(([, text]) => text.includes(TRUTH)).map(([manner]) => manner);
    expect(answered).toEqual(expect.arrayContaining(["honest", "slow"]));
    expect(answered).not.toEqual(expect.arrayContaining(["silent"]));
    expect(ground.keeper().pid).toBe(keeper);
  });

  it("is not asked for a container whose networks lead nowhere (CVE-2024-29018)", async () => {
    await ground.ok("network", "create", "--internal", "inner");
    for (const flags of [["--network=inner"], ["--network=inner", ...withServer("honest").slice(1)]]) {
      const said = await ground.once(flags, "nslookup secret.example; nslookup -type=txt secret.example; true");
      expect(said).not.toContain(TRUTH);
    }
    expect(await ground.once(withServer("honest"), "nslookup open.example")).toContain(TRUTH);
    expect(asked()).toContain("open.example");
    expect(asked()).not.toContain("secret");
  });
});

describe("a container", () => {
  it("that asks for thousands of names at once keeps nobody else from theirs", async () => {
    await ground.container("quiet", "--network=lan");
    await ground.container("mallory", ...withServer("silent"));
    await ground.container("eager", ...withServer("honest"));
    ground.keeper().forgetPeak();
    const names = (prefix: string) => Array.from({ length: NAMES }, (_, at) => question(`${prefix}${at}.example`));
    const [silent, honest] = await meanwhile(
      Promise.all([ask("mallory", names("a"), "1500"), ask("eager", names("b"))]),
    );
    // Each that came is answered, if only by a refusal.
    expect(silent.answered).toBeGreaterThan(0);
    expect(honest.answered).toBeGreaterThan(0);
  });

  it("that asks what is no question is not understood, and no more", async () => {
    await ground.container("quiet", "--network=lan");
    await ground.container("mallory", ...withServer("honest"));
    const keeper = ground.keeper().pid;
    const whole = question("www.example");
    const changed = (at: number, ...bytes: number[]) => whole.with(at, bytes[0] ?? 0).with(at + 1, bytes[1] ?? 0);
    const odd = [
      new Uint8Array(0),
      new Uint8Array(1),
      whole.subarray(0, 11),
      whole.subarray(0, 20),
      // The name points at itself, and behind the end; 65,535 questions, and records; an answer; another operation.
      changed(12, 0xc0, 0x0c),
      changed(12, 0xff, 0xff),
      changed(4, 0xff, 0xff),
      changed(10, 0xff, 0xff),
      changed(2, 0x81, 0x80),
      changed(2, 0x29, 0),
      question(Array(60).fill("abcdefgh").join(".")),
      question("a\0b.example"),
      question("www.example", AXFR),
      question("www.example", ANY),
      Uint8Array.from([...whole, ...Array<number>(4000).fill(0)]),
      Uint8Array.from([...whole, ...Array<number>(20_000).fill(0xc0)]),
    ];
    const random = new Random(testSeed());
    const damaged = Array.from({ length: DAMAGED }, () => {
      const bytes = question("abc.example.org", A);
      for (let change = random.below(8); change >= 0; change -= 1)
        bytes[random.below(bytes.length)] = random.below(256);
      return bytes.subarray(0, random.below(4) === 0 ? random.below(bytes.length) : bytes.length);
    });
    await meanwhile(ask("mallory", [...odd, ...damaged]));
    expect(await ground.script("mallory", "nslookup some.example")).toContain(TRUTH);
    expect(ground.keeper().pid).toBe(keeper);
  });

  it("that holds hundreds of connections, says half a question and breaks off costs nothing (CVE-2026-35406)", async () => {
    await ground.container("quiet", "--network=lan");
    await ground.container("mallory", ...withServer("honest"));
    const { gateway } = await ground.ends("mallory");
    const keeper = ground.keeper();
    const before = keeper.sockets();
    const half = Buffer.from(Uint8Array.from([0, 60, ...question("some.example").subarray(0, 20)])).toString("hex");
    for (let round = 0; round < 2; round += 1) {
      await using crowd = await ground.crowd("mallory", "tcp", `${gateway}:53`, "1", "200", "3000", half);
      expect(crowd.counts["ok"]).toBeGreaterThan(0);
      await ground.expectWell("quiet");
      expect(await ground.script("mallory", "nslookup some.example")).toContain(TRUTH);
    }
    const started = keeper.worked();
    await Bun.sleep(1_000);
    // Not busy with what is gone; and of that nothing is left.
    expect(keeper.worked() - started).toBeLessThan(100);
    expect(keeper.sockets()).toBeLessThanOrEqual(before);
    expect(keeper.peak()).toBeLessThan(MOST_MEMORY);
  });
});
