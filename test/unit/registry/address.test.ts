import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isInRange, isLinkLocal, isLoopback, isThisMachine, parseAddress } from "../../../src/registry/address.ts";

const ipv6 = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });

describe("addresses", () => {
  test.each<[text: string, kind: "loopback" | "this machine" | "link-local" | "none"]>([
    ["localhost", "loopback"],
    ["LOCALHOST.", "loopback"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["[::1]", "loopback"],
    ["[::ffff:127.0.0.1]", "loopback"],
    ["[::ffff:7f00:1]", "loopback"],
    ["0.0.0.0", "this machine"],
    ["[::]", "this machine"],
    ["[::ffff:0.0.0.0]", "this machine"],
    ["169.254.169.254", "link-local"],
    ["[fe80::1]", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["[febf::1]", "link-local"],
    ["[::ffff:169.254.169.254]", "link-local"],
    ["[64:ff9b::a9fe:a9fe]", "link-local"],
    ["[fec0::1]", "none"],
    ["128.0.0.1", "none"],
    ["169.255.0.1", "none"],
    ["10.0.0.1", "none"],
    ["example.org", "none"],
    ["localhost.example.org", "none"],
    ["256.0.0.1", "none"],
    ["1.2.3", "none"],
  ])("%s is %s", (text, kind) => {
    expect(isLoopback(text)).toBe(kind === "loopback");
    expect(isThisMachine(text)).toBe(kind === "loopback" || kind === "this machine");
    expect(isLinkLocal(text)).toBe(kind === "link-local");
  });

  test("every way to write an IPv6 address gives its bytes", () => {
    fc.assert(
      fc.property(ipv6, (groups) => {
        const text = groups.map((group) => group.toString(16)).join(":");
        fc.pre(!/^0:0:0:0:0:ffff:|^64:ff9b:0:0:0:0:/.test(text));
        const expected = groups.flatMap((group) => [group >> 8, group & 0xff]);
        const short = new URL(`http://[${text}]/`).hostname;
        expect([...(parseAddress(text) ?? [])]).toEqual(expected);
        expect([...(parseAddress(short) ?? [])]).toEqual(expected);
      }),
    );
  });

  test("anything else is a name", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const address = parseAddress(text);
        expect(address === null || address.length === 4 || address.length === 16).toBeTrue();
      }),
    );
  });
});

describe("isInRange", () => {
  test.each<[address: string, range: string, expected: boolean]>([
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["10.1.2.3", "10.1.2.3/32", true],
    ["10.1.2.4", "10.1.2.3/32", false],
    ["10.1.2.4", "10.1.2.0/30", false],
    ["10.1.2.3", "10.1.2.0/30", true],
    ["1.2.3.4", "0.0.0.0/0", true],
    ["[fd00::1]", "fd00::/8", true],
    ["[fc00::1]", "fd00::/8", false],
    ["[fd00::1]", "0.0.0.0/0", false],
    ["10.1.2.3", "10.0.0.0/33", false],
    ["10.1.2.3", "10.0.0.0/", false],
    ["10.1.2.3", "10.0.0.0", false],
    ["10.1.2.3", "host/8", false],
    ["10.1.2.3", "10.0.0.0/-1", false],
  ])("%s in %s: %p", (text, range, expected) => {
    expect(isInRange(parseAddress(text) ?? new Uint8Array(), range)).toBe(expected);
  });
});
