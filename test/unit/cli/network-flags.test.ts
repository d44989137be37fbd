import { describe, expect, test } from "bun:test";
import { collectNetwork, parseNetworkWord, parseWishes } from "../../../src/cli/network-flags.ts";
import { parsePortWord } from "../../../src/network/index.ts";

type Values = Parameters<typeof collectNetwork>[0];

const NOTHING: Values = {
  "add-host": [],
  ip: null,
  ip6: null,
  link: [],
  "mac-address": null,
  network: [],
  "network-alias": [],
  publish: [],
  "publish-all": false,
};
const PLAIN = { aliases: [], asked: { address4: null, address6: null }, mac: null, interface: null };

function collect(values: Partial<Values>) {
  return collectNetwork({ ...NOTHING, ...values });
}

describe("--network", () => {
  test.each([
    [["none"], "none"],
    [["host"], "host"],
    [["slirp4netns"], "slirp4netns"],
    [["pasta:--mtu,1500"], "pasta:--mtu,1500"],
    [["container:x"], "container:x"],
    [["ns:/x"], "ns:/x"],
  ])("%j is the mode %s, without networks", (network, mode) => expect(collect({ network })).toEqual({ network: mode }));

  test("names networks, with what is wished for the first", () => {
    expect(collect({ network: ["web", "back"], ip: "10.0.0.5", "network-alias": ["a"] })).toEqual({
      network: "web",
      networks: [
        { ...PLAIN, network: "web", aliases: ["a"], asked: { address4: "10.0.0.5", address6: null } },
        { ...PLAIN, network: "back" },
      ],
    });
  });

  test("has links with the first", () => {
    const link = [{ name: "db", alias: "sql" }];
    expect(collect({ link })).toEqual({
      network: "bridge",
      networks: [{ ...PLAIN, network: "bridge", links: link }],
    });
    expect(collect({ network: ["web", "back"], link }).networks).toEqual([
      { ...PLAIN, network: "web", links: link },
      { ...PLAIN, network: "back" },
    ]);
  });

  test("is bridge unless it is said", () => {
    const bridge = { network: "bridge", networks: [{ ...PLAIN, network: "bridge" }] };
    const publish = [parsePortWord("80")];
    for (const network of [[], ["default"], ["private"], ["bridge"]]) expect(collect({ network })).toEqual(bridge);
    expect(collect({ publish })).toEqual({ ...bridge, ports: publish.flat() });
    expect(collect({ "publish-all": true })).toEqual({ ...bridge, publishAll: true });
    expect(collect({ "add-host": ["h:host-gateway"] })).toEqual(bridge);
    expect(collect({ network: ["none"], publish })).toEqual({ network: "none" });
    expect(collect({ network: ["pasta"], publish })).toEqual({ network: "pasta", ports: publish.flat() });
  });

  test.each<[Partial<Values>, string]>([
    [{ network: [""] }, "no name set for network"],
    [{ network: ["container:"] }, "invalid container format"],
    [{ network: ["host", "web"] }, "cannot attach both"],
    [{ network: ["web", "none"] }, "cannot attach both"],
    [{ network: ["web", "web:ip=10.0.0.5"] }, "is specified multiple times"],
    [
      { network: ["container:x"], publish: [parsePortWord("80")] },
      "port publishing and the container type network mode",
    ],
    [{ network: ["host"], ip: "10.0.0.5" }, "conflicting options: addresses or aliases and --network host"],
    [{ network: ["slirp4netns:x=1"] }, "unknown option for slirp4netns: x=1"],
    [{ network: ["slirp4netns"], publish: [parsePortWord("80")] }, "-p with --network slirp4netns"],
    [{ network: ["bridge", "default"] }, "is specified multiple times"],
    [{ network: ["host"], link: [{ name: "db", alias: "db" }] }, "host type networking can't be used with links"],
    [
      { network: ["container:x"], link: [{ name: "db", alias: "db" }] },
      "container type networking can't be used with links",
    ],
    [{ network: ["none"], "add-host": ["h:host-gateway"] }, "--network none has no host-gateway"],
    [{ ip: "fd00::1" }, "invalid IPv4 address: fd00::1"],
    [{ ip6: "10.0.0.5" }, "invalid IPv6 address: 10.0.0.5"],
    [{ "mac-address": "01:00:00:00:00:00" }, "is not a valid mac address"],
    [{ "mac-address": "x" }, "x is not a valid mac address"],
  ])("%j: %s", (values, message) => expect(() => collect(values)).toThrow(message));
});

describe("a word of --network", () => {
  test.each<[string, object]>([
    ["web", { ...PLAIN, network: "web" }],
    [
      "name=web,alias=a,alias=b,ip=10.0.0.5,ip6=fd00::5,mac-address=02:00:00:00:00:01",
      {
        network: "web",
        aliases: ["a", "b"],
        asked: { address4: "10.0.0.5", address6: "fd00::5" },
        mac: "02:00:00:00:00:01",
        interface: null,
      },
    ],
    [
      "web:ip=fd00::5,mac=02-00-00-00-00-01,interface_name=lan0",
      {
        network: "web",
        aliases: [],
        asked: { address4: null, address6: "fd00::5" },
        mac: "02:00:00:00:00:01",
        interface: "lan0",
      },
    ],
    [
      "name=web,gw-priority=-5,driver-opt=com.docker.network.endpoint.ifname=lan0",
      { ...PLAIN, network: "web", gwPriority: -5, interface: "lan0" },
    ],
  ])("%s", (word, use) => expect(parseNetworkWord(word)).toEqual(use as ReturnType<typeof parseNetworkWord>));

  test("with an option that an endpoint does not have is refused", () => {
    expect(() => parseNetworkWord("name=web,driver-opt=com.docker.network.endpoint.sysctls=a=1")).toThrow(
      'the endpoint option "com.docker.network.endpoint.sysctls" is not supported',
    );
  });

  test.each([
    "name=web,gw-priority=x",
    "name=web,gw-priority=99999999999",
    "name=web,x=1",
    "web:x=1",
    "web:interface_name=a/b",
    "web:ip=x",
  ])("%s is refused", (word) => expect(() => parseNetworkWord(word)).toThrow(/invalid/));
});

test("wishes of network connect", () => {
  expect(parseWishes({ ip: "", ip6: null, link: [], "mac-address": null, "network-alias": ["db"] })).toEqual({
    ...PLAIN,
    aliases: ["db"],
  });
});
