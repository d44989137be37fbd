import { describe, expect, test } from "bun:test";
import { planLease, type SubnetPlan } from "../../../src/network/index.ts";

const FOUR: SubnetPlan = { subnet: "10.5.0.0/29", gateway: "10.5.0.1", ipRange: null };
const SIX: SubnetPlan = { subnet: "fd00::/64", gateway: "fd00::1", ipRange: null };
const NOTHING = { address4: null, address6: null };

function lease(subnets: SubnetPlan[], taken: string[], asked = {}) {
  return planLease(subnets, new Set(taken), { ...NOTHING, ...asked });
}

describe("a lease", () => {
  test("is the first address that is free", () => {
    expect(lease([FOUR], [])).toEqual({ address4: "10.5.0.2", address6: null });
    expect(lease([FOUR, SIX], ["10.5.0.2", "fd00::2"])).toEqual({ address4: "10.5.0.3", address6: "fd00::3" });
    expect(lease([{ ...FOUR, gateway: "10.5.0.2" }], [])).toEqual({ address4: "10.5.0.1", address6: null });
    expect(lease([{ ...FOUR, ipRange: "10.5.0.4/30" }], [])).toEqual({ address4: "10.5.0.4", address6: null });
  });

  test("never is the broadcast address", () => {
    const taken = ["10.5.0.2", "10.5.0.3", "10.5.0.4", "10.5.0.5"];
    expect(lease([FOUR], taken).address4).toBe("10.5.0.6");
    expect(() => lease([FOUR], [...taken, "10.5.0.6"])).toThrow("no available IPv4 addresses");
  });

  test("is what was asked for", () => {
    expect(lease([FOUR, SIX], [], { address4: "10.5.0.5", address6: "FD00::9" })).toEqual({
      address4: "10.5.0.5",
      address6: "fd00::9",
    });
    expect(() => lease([FOUR], ["10.5.0.5"], { address4: "10.5.0.5" })).toThrow("Address already in use");
    for (const address4 of ["10.5.0.0", "10.5.0.7", "10.5.0.1"]) {
      expect(() => lease([FOUR], [], { address4 })).toThrow("Address already in use");
    }
    expect(() => lease([FOUR], [], { address4: "10.6.0.2" })).toThrow(
      "no configured subnet contains IP address 10.6.0.2",
    );
    expect(() => lease([FOUR], [], { address6: "fd00::2" })).toThrow("no configured subnet");
    expect(() => lease([FOUR], [], { address4: "x" })).toThrow("invalid IP address: x");
  });
});
