// A fuzzer for the parsers: it keeps the texts that make the parser run what no text before did, and changes those. What ran
// is counted by the engine itself (the inspector's precise coverage), block by block. A program of its own, so that what hangs
// or eats all memory is ended from outside:
//
//   bun test/support/fuzz.ts PARSER MILLISECONDS SEED     → {"runs":…,"blocks":…,"kept":…}
//   … --list                                              → the parsers' names
//
// A finding ends it with exit code 1 and the text, which belongs into the parser's seeds.

import { Session } from "node:inspector/promises";

import { Random } from "./random.ts";

interface Block {
  startOffset: number;
  endOffset: number;
  count: number;
}

interface Coverage {
  result: { url: string; functions: { ranges: Block[] }[] }[];
}

const SOURCE = /\/src\//;
const LONGEST = 4096;
/** Changes made to a text at once. */
const MOST_CHANGES = 4;
const SLOW_MS = 1000;
/** Between whatever a parser is likely to look for. */
const SPICE = [
  "\0",
  "\n",
  "\r",
  "\t",
  " ",
  '"',
  "'",
  "\\",
  "{",
  "}",
  "[",
  "]",
  "=",
  ":",
  ",",
  "/",
  "..",
  "-",
  "{{",
  "}}",
  "é",
  "\u202e",
  "\ud800",
  "null",
  "-1",
  "1e9",
  "9".repeat(25),
  "__proto__",
  "constructor",
];

async function openCoverage(): Promise<() => Promise<string[]>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return async () => {
    const { result } = (await session.post("Profiler.takePreciseCoverage")) as Coverage;
    const scripts = result.filter(({ url }) => SOURCE.test(url));
    return scripts.flatMap(({ url, functions }) =>
      blocksOf(
        url,
        functions.flatMap(({ ranges }) => ranges),
      ),
    );
  };
}

/** Blocks that ran, and, by orders of magnitude, how often. */
function blocksOf(url: string, ranges: Block[]): string[] {
  const ran = ranges.filter(({ count }) => count > 0);
  return ran.map(
    ({ startOffset, endOffset, count }) => `${url}:${startOffset}-${endOffset}:${Math.trunc(Math.log2(count))}`,
  );
}

class Mutator {
  readonly #random: Random;
  readonly #tokens: readonly string[];

  constructor(random: Random, seeds: readonly string[]) {
    this.#random = random;
    this.#tokens = [...SPICE, ...seeds.flatMap((seed) => seed.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}]/gu) ?? [])];
  }

  change(text: string, corpus: readonly string[]): string {
    let changed = text;
    for (let left = 1 + this.#random.below(MOST_CHANGES); left > 0; left -= 1) changed = this.#once(changed, corpus);
    return changed.slice(0, LONGEST);
  }

  #once(text: string, corpus: readonly string[]): string {
    const at = this.#random.below(text.length + 1);
    const length = this.#random.below(Math.min(text.length - at, 16) + 1);
    const [before, piece, after] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
    switch (this.#random.below(7)) {
      case 0:
        return before + after;
      case 1:
        return before + piece + piece + after;
      case 2:
        return before + this.#pick(this.#tokens) + piece + after;
      case 3:
        return before + this.#pick(this.#tokens) + after;
      case 4:
        return before + String.fromCharCode(this.#random.below(256)) + after;
      case 5: {
        const other = this.#pick(corpus);
        return before + other.slice(this.#random.below(other.length + 1));
      }
      default:
        return before + piece.repeat(1 + this.#random.below(50)) + after;
    }
  }

  #pick(items: readonly string[]): string {
    return items[this.#random.below(items.length)] ?? "";
  }
}

async function fuzz(name: string, milliseconds: number, seed: number): Promise<Record<string, number>> {
  const takeBlocks = await openCoverage();
  // After the counting began: what is compiled before is not counted.
  const { loadParsers, tryParser } = await import("./parsers.ts");
  const parser = (await loadParsers()).find((known) => known.name === name);
  if (parser === undefined) throw new Error(`no parser "${name}"`);
  const random = new Random(seed);
  const mutator = new Mutator(random, parser.seeds);
  const corpus: string[] = [];
  const seen = new Set<string>();
  let runs = 0;
  for (const end = performance.now() + milliseconds; performance.now() < end; runs += 1) {
    const text = parser.seeds[runs] ?? mutator.change(corpus[random.below(corpus.length)] ?? "", corpus);
    const start = performance.now();
    try {
      tryParser(parser, text);
    } catch (error) {
      throw new Error(`${name}: ${JSON.stringify(text)}`, { cause: error });
    }
    const took = performance.now() - start;
    if (took > SLOW_MS) throw new Error(`${name}: ${Math.round(took)} ms for ${JSON.stringify(text)}`);
    const fresh = (await takeBlocks()).filter((block) => !seen.has(block));
    if (fresh.length > 0 || runs < parser.seeds.length) corpus.push(text);
    for (const block of fresh) seen.add(block);
  }
  return { runs, blocks: seen.size, kept: corpus.length };
}

const [first = "--list", milliseconds = "2000", seed = "1"] = process.argv.slice(2);
if (first === "--list") {
  const { loadParsers } = await import("./parsers.ts");
  console.log(JSON.stringify((await loadParsers()).map(({ name }) => name)));
} else {
  console.log(JSON.stringify(await fuzz(first, Number(milliseconds), Number(seed))));
}
process.exit(0);
