import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isHeaderSafe, printable } from "../../../src/registry/text.ts";

describe("printable", () => {
  test.each<[text: string, expected: string]>([
    ["plain text", "plain text"],
    ["ünïcödé 日本", "ünïcödé 日本"],
    ["a\nb\r\tc", "a\\u000ab\\u000d\\u0009c"],
    ["\u001b[31mred", "\\u001b[31mred"],
    ["\u009b31m", "\\u009b31m"],
    ["abc\u202edef", "abc\\u202edef"],
    ["\ufeff\u200b", "\\ufeff\\u200b"],
    ["\ud800", "\ufffd"],
  ])("%j", (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test("gives one short line without controls for anything", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000, unit: "binary" }), (text) => {
        const shown = printable(text);
        expect(shown.length).toBeLessThanOrEqual(301);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
    expect(printable("x".repeat(1000))).toHaveLength(301);
  });
});

describe("isHeaderSafe", () => {
  test.each<[text: string, expected: boolean]>([
    ["eyJhbGciOi.JSUzI1NiIs_-~+/=", true],
    ["", false],
    ["a b", false],
    ["a\r\nX-Evil: 1", false],
    ["a\u0000", false],
    ["é", false],
  ])("%j: %p", (text, expected) => {
    expect(isHeaderSafe(text)).toBe(expected);
  });
});
