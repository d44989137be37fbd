// What may go to a terminal, and how failures look.

import { describe, expect, test } from "bun:test";
import { printable } from "../../../src/cli/output.ts";
import { renderBug, renderError } from "../../../src/cli/report.ts";
import { BunkerError } from "../../../src/errors.ts";

describe("printable text steers nothing", () => {
  test.each([
    ["plain é 漢 😀", "plain é 漢 😀"],
    ["\u001b]0;title\u0007", "\\x1b]0;title\\x07"],
    ["a\r\nb\tc", "a\\x0d\\nb\\tc"],
    ["\u007f\u009b31m", "\\x7f\\u009b31m"],
    ["\u202egnp.exe", "\\u202egnp.exe"],
    ["\u2066x\u2069\u200f", "\\u2066x\\u2069\\u200f"],
  ])("%j", (text, expected) => {
    expect(printable(text)).toBe(expected);
  });
});

describe("a failure is a line, and a hint on its own line", () => {
  const error = new BunkerError("not-found", 'pulling "x\u001b": not found', { hint: "Check\u001b it." });

  test("without colours", () => {
    expect(renderError(error, false)).toBe('bunker: pulling "x\\x1b": not found\nhint: Check\\x1b it.\n');
  });

  test("with colours that end where they began", () => {
    expect(renderError(error, true)).toBe(
      '\u001b[1;31mbunker:\u001b[0m pulling "x\\x1b": not found\n\u001b[2mhint: Check\\x1b it.\u001b[0m\n',
    );
  });

  test("a bug says so, with version and stack", () => {
    expect(renderBug(new TypeError("x is not a function"), "bunker version 1")).toMatch(
      /^bunker: this is a bug in bunker, please report it \(bunker version 1\)\nTypeError: x is not a function\n/,
    );
    expect(renderBug("\u001b", "v")).toBe("bunker: this is a bug in bunker, please report it (v)\n\\x1b\n");
  });
});
