import { describe, expect, test } from "bun:test";
import { parsePortWord, planAllPorts, type PortRequest } from "../../../src/network/index.ts";

function port(containerPort: number, hostPort: number, more: Partial<PortRequest> = {}): PortRequest {
  return { protocol: "tcp", containerPort, hostAddress: "", hostPort, ...more };
}

describe("-p", () => {
  test.each<[string, PortRequest[]]>([
    ["80", [port(80, 0)]],
    ["8080:80", [port(80, 8080)]],
    ["8080:80/udp", [port(80, 8080, { protocol: "udp" })]],
    ["8080:80/TCP", [port(80, 8080)]],
    ["127.0.0.1:8080:80", [port(80, 8080, { hostAddress: "127.0.0.1" })]],
    ["127.0.0.1::80", [port(80, 0, { hostAddress: "127.0.0.1" })]],
    [":80", [port(80, 0)]],
    ["[::1]:8080:80", [port(80, 8080, { hostAddress: "::1" })]],
    ["[::1]::80", [port(80, 0, { hostAddress: "::1" })]],
    ["0:80", [port(80, 0)]],
    ["8000-8001:80-81", [port(80, 8000), port(81, 8001)]],
    ["80-81", [port(80, 0), port(81, 0)]],
    ["8000-8010:80", [port(80, 8000, { hostPortEnd: 8010 })]],
  ])("%s", (word, ports) => expect(parsePortWord(word)).toEqual(ports));

  test.each([
    ["", "invalid containerPort"],
    ["x", "invalid containerPort"],
    ["0", "invalid containerPort"],
    ["70000", "invalid containerPort"],
    ["80:70000", "invalid containerPort"],
    ["70000:80", "invalid hostPort"],
    ["80-79", "invalid containerPort"],
    ["8000-8002:80-81", "invalid ranges"],
    ["80/xyz", "invalid proto"],
    ["80/sctp", "SCTP"],
    ["300.0.0.1:80:80", "invalid IP address"],
    ["localhost:80:80", "invalid IP address"],
    ["localhost:80", "invalid hostPort"],
    ["1:2:3:4", "invalid publish opts format"],
  ])("%j: %s", (word, message) => expect(() => parsePortWord(word)).toThrow(message));
});

test("-P publishes what the image exposes and -p does not name", () => {
  expect(planAllPorts(["80/tcp", "53/udp", "443", "9/sctp"], [port(80, 8080)])).toEqual([
    port(53, 0, { protocol: "udp" }),
    port(443, 0),
  ]);
});
