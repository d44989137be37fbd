// Every parser with texts made of what it knows, of pieces of that, and of anything: a value that keeps its promise, or an
// error meant for a person; and never long.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { loadParsers, tryParser } from "../support/parsers.ts";

const RUNS = 300;
/** What takes longer for a text of a few hundred characters does not end for some thousands. */
const PATIENCE_MS = 500;

/** Texts near those that are right: pieces of them in any order, with anything in between. */
function near(seeds: readonly string[]): fc.Arbitrary<string> {
  const pieces = seeds
    .flatMap((seed) => seed.split(/(?<=[^\p{L}\p{N}])|(?=[^\p{L}\p{N}])/u))
    .filter((piece) => piece !== "");
  const piece = fc.oneof(
    { arbitrary: fc.constantFrom(...pieces, ...seeds), weight: 4 },
    { arbitrary: fc.string({ unit: "binary", maxLength: 3 }), weight: 1 },
    { arbitrary: fc.constantFrom("", " ", "\n", "\0", "-", "=", ":", ",", "/", "..", "9".repeat(20)), weight: 1 },
  );
  return fc.array(piece, { maxLength: 20 }).map((parts) => parts.join(""));
}

const parsers = await loadParsers();

describe.each(parsers.map((parser) => [parser.name, parser] as const))("%s", (_name, parser) => {
  test("takes what it knows", () => {
    for (const seed of parser.seeds) tryParser(parser, seed);
  });

  test("takes or refuses anything", () => {
    fc.assert(
      fc.property(fc.oneof(near(parser.seeds), fc.string({ unit: "binary" })), (text) => {
        const start = performance.now();
        tryParser(parser, text);
        expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
      }),
      { numRuns: RUNS },
    );
  });

  test("takes or refuses what is long", () => {
    for (const seed of parser.seeds) tryParser(parser, seed.repeat(2000));
  });
});
