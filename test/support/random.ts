// Random choices that can be repeated: a seed from the environment, else one that changes every day and is always printed.

const DAY_MS = 24 * 60 * 60 * 1000;

/** BUNKER_TEST_SEED, else the number of the day. */
export function testSeed(): number {
  const given = process.env["BUNKER_TEST_SEED"];
  return given === undefined ? Math.floor(Date.now() / DAY_MS) : Number(given);
}

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `limit`: the mulberry32 generator. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** Takes one out. */
  take<T>(items: T[]): T {
    const [taken] = items.splice(this.below(items.length), 1);
    if (taken === undefined) throw new Error("nothing to choose from");
    return taken;
  }
}
