// Go's strconv: quoting and %g.

import { describe, expect, test } from "bun:test";
import { formatGeneral, parseDecimal, quote, ScanError } from "../../../src/cli/strconv.ts";

describe("quote leaves nothing that steers a terminal", () => {
  test.each([
    ["plain", '"plain"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["\u0007\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
    ["\u001b[31m\u007f", '"\\x1b[31m\\x7f"'],
    ["\u009b\u202e\u2028", '"\\u009b\\u202e\\u2028"'],
    ["é…漢😀", '"é…漢😀"'],
    ["\u{e0001}", '"\\U000e0001"'],
    ["\u00a0", '"\\u00a0"'],
  ])("%j", (text, expected) => {
    expect(quote(text)).toBe(expected);
  });
});

test.each([
  [0, 3, "0"],
  [187.654321, 3, "188"],
  [7.3, 3, "7.3"],
  [999.9, 3, "1e+03"],
  [999.9, 4, "999.9"],
  [1.5, 4, "1.5"],
  [100, 4, "100"],
  [0.00001234, 3, "1.23e-05"],
])("%%g of %p with %p digits", (value, digits, expected) => {
  expect(formatGeneral(value, digits)).toBe(expected);
});

test.each(["", "x", "1_0", "0x1", "1.0", " 1"])("%j is no decimal number", (text) => {
  expect(() => parseDecimal(text)).toThrow(ScanError);
});
