import { describe, expect, test } from "bun:test";
import { readOptions } from "../../../src/network/option.ts";

const PLAIN = { mtu: 1500 };
const BRIDGE = "com.docker.network.bridge";

describe("options of a network", () => {
  test.each<[Record<string, string>, object]>([
    [{}, PLAIN],
    [{ mtu: "9000" }, { mtu: 9000 }],
    [{ "com.docker.network.driver.mtu": "1400" }, { mtu: 1400 }],
    [{ isolate: "true" }, PLAIN],
    [{ isolate: "strict" }, PLAIN],
    [{ [`${BRIDGE}.enable_icc`]: "true" }, PLAIN],
    [{ [`${BRIDGE}.enable_icc`]: "false" }, { ...PLAIN, isolated: true }],
    [{ [`${BRIDGE}.name`]: "br-web" }, { ...PLAIN, bridge: "br-web" }],
    [{ [`${BRIDGE}.host_binding_ipv4`]: "127.0.0.1" }, { ...PLAIN, publishAddress: "127.0.0.1" }],
    [{ [`${BRIDGE}.host_binding_ipv4`]: "0.0.0.0" }, { ...PLAIN, publishAddress: "" }],
    [{ [`${BRIDGE}.enable_ip_masquerade`]: "true" }, PLAIN],
    [{ [`${BRIDGE}.gateway_mode_ipv4`]: "nat" }, PLAIN],
    [{ "com.docker.network.container_iface_prefix": "lan" }, { ...PLAIN, interfacePrefix: "lan" }],
    [{ no_default_route: "1" }, { ...PLAIN, noDefaultRoute: true }],
    [{ no_default_route: "false" }, PLAIN],
  ])("%j", (options, effects) => expect(readOptions(options)).toEqual(effects as ReturnType<typeof readOptions>));

  test.each<[string, string, string]>([
    ["mtu", "12", "invalid mtu: 12"],
    ["mtu", "1e3", "invalid mtu: 1e3"],
    ["isolate", "false", 'the network option "isolate=false" is not supported'],
    [`${BRIDGE}.enable_icc`, "no", "it is true or false"],
    [`${BRIDGE}.name`, "docker1", 'a bridge cannot be called "docker1"'],
    [`${BRIDGE}.name`, "br-0123456789abc", "a bridge cannot be called"],
    [`${BRIDGE}.host_binding_ipv4`, "lo", "invalid IP address"],
    [`${BRIDGE}.enable_ip_masquerade`, "false", "is not supported"],
    [`${BRIDGE}.gateway_mode_ipv4`, "routed", "is not supported"],
    ["com.docker.network.container_iface_prefix", "a/b", "invalid value"],
    ["no_default_route", "", "it is true or false"],
    ["metric", "5", 'the network option "metric=5" is not supported'],
    ["vlan", "5", 'the network option "vlan" is not supported'],
    ["toString", "5", 'the network option "toString" is not supported'],
  ])("%s=%s: %s", (name, value, message) => expect(() => readOptions({ [name]: value })).toThrow(message));
});
