import { describe, expect, test } from "bun:test";
import {
  bridgeName,
  ensureNetworkName,
  macOf,
  type NetworkRequest,
  parsePrefix,
  PLAIN_REQUEST,
  planNetwork,
  type Prefix,
} from "../../../src/network/index.ts";

const SEED = "0123456789ab".repeat(6).slice(0, 64);
function plan(request: Partial<NetworkRequest>, taken: string[] = []) {
  return planNetwork(
    { ...PLAIN_REQUEST, ...request },
    taken.map((text) => parsePrefix(text) as Prefix),
    SEED,
  );
}

describe("subnets", () => {
  test("are docker's pools in docker's order, none that overlaps", () => {
    expect(plan({}).subnets).toEqual([{ subnet: "172.17.0.0/16", gateway: "172.17.0.1", ipRange: null }]);
    expect(plan({}, ["172.17.0.0/16"]).subnets[0]?.subnet).toBe("172.18.0.0/16");
    expect(plan({}, ["172.16.0.0/12"]).subnets[0]?.subnet).toBe("192.168.0.0/20");
    expect(plan({}, ["172.16.0.0/12", "192.168.0.0/24"]).subnets[0]?.subnet).toBe("192.168.16.0/20");
    expect(() => plan({}, ["172.16.0.0/12", "192.168.0.0/16"])).toThrow("fully subnetted");
  });

  test("of IPv6 are unique local, by the network's id", () => {
    const [, six] = plan({ ipv6: true }).subnets;
    expect(six).toEqual({ subnet: "fd01:2345:6789:ab00::/64", gateway: "fd01:2345:6789:ab00::1", ipRange: null });
  });

  test("are those asked for", () => {
    const { subnets } = plan({
      subnets: ["10.5.0.0/24", "fd00:5::/64"],
      gateways: ["10.5.0.9", "fd00:5::9"],
      ipRanges: ["10.5.0.128/25"],
    });
    expect(subnets).toEqual([
      { subnet: "10.5.0.0/24", gateway: "10.5.0.9", ipRange: "10.5.0.128/25" },
      { subnet: "fd00:5::/64", gateway: "fd00:5::9", ipRange: null },
    ]);
    expect(plan({ subnets: ["fd00:5::/64"] }).subnets.map(({ subnet }) => subnet)).toEqual([
      "172.17.0.0/16",
      "fd00:5::/64",
    ]);
    expect(plan({ subnets: ["fd00:5::/64"], ipv4: false }).subnets.map(({ subnet }) => subnet)).toEqual([
      "fd00:5::/64",
    ]);
  });

  test.each<[Partial<NetworkRequest>, string[], string]>([
    [{ subnets: ["10.5.0.0"] }, [], "invalid CIDR address: 10.5.0.0"],
    [{ subnets: ["10.5.0.0/31"] }, [], "no room"],
    [{ subnets: ["10.5.0.0/24"] }, ["10.0.0.0/8"], "Pool overlaps with other one on this address space"],
    [{ subnets: ["10.5.0.0/24", "10.5.0.0/25"] }, [], "Pool overlaps"],
    [{ subnets: ["10.5.0.0/24"], gateways: ["10.6.0.1"] }, [], "no matching subnet for gateway 10.6.0.1"],
    [{ subnets: ["10.5.0.0/24"], gateways: ["x"] }, [], "invalid gateway address: x"],
    [{ subnets: ["10.5.0.0/24"], ipRanges: ["10.5.0.0/16"] }, [], "no matching subnet for range"],
    [{ ipv4: false }, [], "IPv4 or IPv6 must be enabled"],
    [{ reserved: { router: "x" } }, [], "invalid auxiliary address: router=x"],
    [{ subnets: ["10.5.0.0/24"], reserved: { router: "10.6.0.1" } }, [], "no matching subnet for aux-address 10.6.0.1"],
    [{ routes: [{ destination: "10.0.0.0/8", gateway: "fd00::1", metric: null }] }, [], "invalid route"],
  ])("%j with %j: %s", (request, taken, message) => {
    expect(() => plan(request, taken)).toThrow(message);
  });

  test("keep addresses for others", () => {
    const reserved = { router: "10.5.0.2" };
    expect(plan({ subnets: ["10.5.0.0/24"], reserved }).reserved).toEqual(reserved);
    expect(plan({})).not.toHaveProperty("reserved");
  });
});

test("names", () => {
  for (const name of ["web", "a.b-c_d", "9"]) expect(() => ensureNetworkName(name)).not.toThrow();
  for (const name of ["", "-a", "a/b", "a b", "é"])
    expect(() => ensureNetworkName(name)).toThrow("invalid network name");
  expect(bridgeName({ id: SEED, config: {} })).toBe("br-0123456789ab");
  expect(bridgeName({ id: SEED, config: { bridge: "br-web" } })).toBe("br-web");
  expect(macOf("172.17.0.2", SEED)).toBe("02:42:ac:11:00:02");
  expect(macOf(null, SEED)).toBe("02:42:01:23:45:67");
});
