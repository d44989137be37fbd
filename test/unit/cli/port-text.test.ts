import { describe, expect, test } from "bun:test";
import { type PortFact, portMatcher, portsText } from "../../../src/cli/port-text.ts";

function port(containerPort: number, hostPort: number | null, more: Partial<PortFact> = {}): PortFact {
  return { protocol: "tcp", containerPort, hostAddress: "", hostPort, ...more };
}

describe("ports in ps", () => {
  test.each<[string, PortFact[]]>([
    ["", []],
    ["0.0.0.0:8080->80/tcp, [::]:8080->80/tcp", [port(80, 8080)]],
    ["127.0.0.1:8080->80/tcp", [port(80, 8080, { hostAddress: "127.0.0.1" })]],
    ["[::1]:8080->80/udp", [port(80, 8080, { hostAddress: "::1", protocol: "udp" })]],
    ["80/tcp", [port(80, null)]],
    ["80-81/tcp", [port(81, null), port(80, null)]],
    ["127.0.0.1:8000-8001->80-81/tcp", [80, 81].map((one) => port(one, one + 7920, { hostAddress: "127.0.0.1" }))],
    ["127.0.0.1:8080->80/tcp, 443/tcp", [port(443, null), port(80, 8080, { hostAddress: "127.0.0.1" })]],
    [
      "127.0.0.1:8080->80/tcp, 127.0.0.1:9000->81/tcp",
      [port(80, 8080, { hostAddress: "127.0.0.1" }), port(81, 9000, { hostAddress: "127.0.0.1" })],
    ],
  ])("%s", (text, ports) => expect(portsText(ports)).toBe(text));
});

test("filters take a port, a range and a protocol", () => {
  expect(portMatcher("publish", "80")(80, "tcp")).toBe(true);
  expect(portMatcher("publish", "80")(80, "udp")).toBe(false);
  expect(portMatcher("publish", "80-90/udp")(85, "udp")).toBe(true);
  expect(() => portMatcher("publish", "x")).toThrow("invalid filter 'publish=x'");
});
