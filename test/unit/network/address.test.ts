import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatAddress,
  overlaps,
  parseAddress,
  parsePrefix,
  formatPrefix,
  type Prefix,
} from "../../../src/network/address.ts";

describe("addresses", () => {
  test.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["10.88.0.1", "10.88.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["FD00::00A1", "fd00::a1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["1::", "1::"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
  ])("%s is %s", (text, canonical) => {
    const address = parseAddress(text);
    expect(address === null ? null : formatAddress(address)).toBe(canonical);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "256.1.1.1",
    "1.2.3.-4",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "g::",
    "1:2:3:4:5:6:7::8",
    "fe80::1%eth0",
  ])("%j is none", (text) => expect(parseAddress(text)).toBeNull());

  test("what was written is read", () => {
    const anyAddress = fc.oneof(
      fc.bigInt(0n, 2n ** 32n - 1n).map((value) => ({ family: 4 as const, value })),
      fc.bigInt(0n, 2n ** 128n - 1n).map((value) => ({ family: 6 as const, value })),
    );
    fc.assert(fc.property(anyAddress, (address) => expect(parseAddress(formatAddress(address))).toEqual(address)));
  });
});

describe("prefixes", () => {
  test.each([
    ["172.17.0.0/16", "172.17.0.0/16"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["fd00::1/64", "fd00::/64"],
    ["::1/128", "::1/128"],
  ])("%s is %s", (text, canonical) => {
    const prefix = parsePrefix(text);
    expect(prefix === null ? null : formatPrefix(prefix)).toBe(canonical);
  });

  test.each(["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129", "10.0.0.0/8/8", "/8"])("%j is none", (text) =>
    expect(parsePrefix(text)).toBeNull(),
  );

  test.each([
    ["10.0.0.0/8", "10.1.0.0/16", true],
    ["10.1.0.0/16", "10.0.0.0/8", true],
    ["10.0.0.0/16", "10.1.0.0/16", false],
    ["0.0.0.0/0", "10.1.0.0/16", true],
    ["::/0", "10.1.0.0/16", false],
  ])("%s and %s overlap: %p", (one, other, expected) => {
    expect(overlaps(parsePrefix(one) as Prefix, parsePrefix(other) as Prefix)).toBe(expected);
  });
});
