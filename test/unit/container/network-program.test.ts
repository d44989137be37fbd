import { describe, expect, test } from "bun:test";
import { addressesOf, planHelper, planSharedHelper } from "../../../src/container/network-program.ts";

const CLOSED = ["-t", "none", "-u", "none", "-T", "none", "-U", "none"];

describe("a helper's word", () => {
  test.each<[string, string[]]>([
    ["slirp4netns", ["--mtu=65520", "--disable-host-loopback", "--enable-ipv6"]],
    [
      "slirp4netns:mtu=1500,enable_ipv6=false,allow_host_loopback=true,cidr=10.9.8.0/24,outbound_addr=eth0",
      ["--mtu=1500", "--cidr=10.9.8.0/24", "--outbound-addr=eth0"],
    ],
    ["pasta", ["--no-map-gw", "--dns-forward", "169.254.1.1", ...CLOSED]],
    ["pasta:--map-gw,--mtu,1500", ["--dns-forward", "169.254.1.1", ...CLOSED, "--mtu", "1500"]],
    [
      "pasta:--dns-forward,1.1.1.1,-t,8080,--udp-ports=53",
      ["--no-map-gw", "-T", "none", "-U", "none", "--dns-forward", "1.1.1.1", "-t", "8080", "--udp-ports=53"],
    ],
  ])("%s", (word, options) => expect(planHelper(word)?.options).toEqual(options));

  test("publishes ports where the program is pasta", () => {
    const port = { protocol: "tcp", hostAddress: "127.0.0.1", hostPort: 8080, containerPort: 80 } as const;
    const other = { protocol: "udp", hostAddress: "", hostPort: 53, containerPort: 5353 } as const;
    const options = planHelper("pasta", [port, other])?.options ?? [];
    expect(options.slice(-4)).toEqual(["-t", "127.0.0.1/8080:80", "-u", "53:5353"]);
    expect(options.filter((option) => option === "none")).toHaveLength(2);
    expect(() => planHelper("slirp4netns", [port])).toThrow("it publishes no ports here");
  });

  test.each(["slirp4netns:x=1", "slirp4netns:mtu=x", "slirp4netns:cidr=10.0.2.5/24", "slirp4netns:enable_ipv6=1"])(
    "%s is refused",
    (word) => expect(() => planHelper(word)).toThrow("option for slirp4netns"),
  );

  test.each(["bridge", "pastas", "host", "slirp"])("%s is none", (word) => expect(planHelper(word)).toBeNull());
});

test("where a container asks for names, and what its own address is", () => {
  const of = (word: string) => addressesOf(planHelper(word) ?? planSharedHelper("pasta"));
  expect(of("slirp4netns")).toEqual({ own: "10.0.2.100", nameServer: "10.0.2.3" });
  expect(of("slirp4netns:cidr=10.9.8.0/24")).toEqual({ own: "10.9.8.100", nameServer: "10.9.8.3" });
  expect(of("pasta:--dns-forward,9.9.9.9")).toEqual({ own: null, nameServer: "9.9.9.9" });
});

test("for all networks it leads nothing in and answers no names", () => {
  expect(planSharedHelper("pasta").options).toEqual(["--no-map-gw", ...CLOSED]);
  expect(planSharedHelper("slirp4netns").options).toContain("--disable-dns");
});
