import { describe, expect, test } from "bun:test";
import { BunkerError } from "../../../src/errors.ts";
import { Trust } from "../../../src/registry/trust.ts";

interface Case {
  registry?: string;
  tlsVerify?: boolean | null;
  insecure?: string[];
}

function trust({ registry = "registry.example", tlsVerify = null, insecure = [] }: Case = {}): Trust {
  return new Trust(registry, { tlsVerify, insecureRegistries: insecure });
}

describe("isInsecure", () => {
  test.each<[url: string, settings: Case, expected: boolean]>([
    ["https://registry.example/", {}, false],
    ["https://127.0.0.1:5000/", {}, true],
    ["https://localhost:5000/", {}, true],
    ["https://[::1]:5000/", {}, true],
    ["https://10.0.0.1:5000/", {}, false],
    ["https://registry.example/", { insecure: ["registry.example"] }, true],
    ["https://registry.example/", { insecure: ["REGISTRY.example:443"] }, true],
    ["https://registry.example:5000/", { insecure: ["registry.example"] }, false],
    ["https://registry.example:5000/", { insecure: ["registry.example:5000"] }, true],
    ["https://sub.registry.example/", { insecure: ["registry.example"] }, false],
    ["https://10.0.0.1:5000/", { insecure: ["10.0.0.0/8"] }, true],
    ["https://registry.example/", { insecure: ["0.0.0.0/0", "::/0"] }, false],
    ["https://registry.example/", { insecure: ["", "/"] }, false],
    ["https://registry.example/", { tlsVerify: false }, true],
    ["https://127.0.0.1:5000/", { tlsVerify: true }, false],
    ["https://registry.example/", { tlsVerify: true, insecure: ["registry.example"] }, false],
  ])("%s with %j: %p", (url, settings, expected) => {
    expect(trust(settings).isInsecure(new URL(url))).toBe(expected);
  });
});

describe("parseTarget", () => {
  const local: Case = { registry: "127.0.0.1:5000" };
  test.each<[target: string, settings: Case, expected: string]>([
    ["https://cdn.example/blob?sig=a%20b", {}, "https://cdn.example/blob?sig=a%20b"],
    ["https://cdn.example/blob#part", {}, "https://cdn.example/blob"],
    ["/v2/other", {}, "https://registry.example/v2/other"],
    ["//cdn.example/x", {}, "https://cdn.example/x"],
    ["http://127.0.0.1:6000/x", local, "http://127.0.0.1:6000/x"],
    ["http://localhost:6000/x", local, "http://localhost:6000/x"],
    ["http://cdn.example/x", { insecure: ["cdn.example"] }, "http://cdn.example/x"],
    ["http://cdn.example/x", { insecure: ["registry.example"] }, "http://cdn.example/x"],
    ["http://cdn.example/x", { tlsVerify: false }, "http://cdn.example/x"],
    ["https://169.254.1.1/x", { registry: "169.254.1.1" }, "https://169.254.1.1/x"],
  ])("%s with %j is %s", (target, settings, expected) => {
    const base = new URL(`https://${settings.registry ?? "registry.example"}/v2/a`);
    expect(trust(settings).parseTarget(target, base, "registry redirects").href).toBe(expected);
  });

  test.each<[target: string, settings: Case, reason: string]>([
    ["http://cdn.example/x", {}, "plain HTTP is not secure"],
    ["http://registry.example/x", {}, "plain HTTP is not secure"],
    ["http://cdn.example/x", local, "plain HTTP is not secure"],
    ["http://127.0.0.1:6000/x", { ...local, tlsVerify: true }, "plain HTTP is not secure"],
    ["file:///etc/passwd", {}, "not an http or https URL"],
    ["unix:/run/docker.sock", {}, "not an http or https URL"],
    ["javascript:alert(1)", {}, "not an http or https URL"],
    ["data:text/plain,x", {}, "not an http or https URL"],
    ["https://user@cdn.example/", {}, "it carries a name or password"],
    ["https://:pw@cdn.example/", {}, "it carries a name or password"],
    ["https://169.254.169.254/latest/meta-data", {}, "it is a link-local address"],
    ["https://2852039166/", {}, "it is a link-local address"],
    ["https://0xA9FEA9FE/", {}, "it is a link-local address"],
    ["https://0251.0376.0251.0376/", {}, "it is a link-local address"],
    ["https://169.254.169.254./", {}, "it is a link-local address"],
    ["https://[fe80::1]/", {}, "it is a link-local address"],
    ["https://[::ffff:169.254.169.254]/", {}, "it is a link-local address"],
    ["https://169.254.169.254/", local, "it is a link-local address"],
    ["https://169.254.169.254/", { tlsVerify: false }, "it is a link-local address"],
    ["https://127.0.0.1:8080/", {}, "it is this machine"],
    ["https://localhost/", {}, "it is this machine"],
    ["https://[::1]/", {}, "it is this machine"],
    ["https://0.0.0.0/", {}, "it is this machine"],
    ["https://", {}, "not a valid URL"],
    ["https://exa mple/", {}, "not a valid URL"],
    [`https://cdn.example/${"x".repeat(20_000)}`, {}, "not a valid URL"],
  ])("refuses %s with %j: %s", (target, settings, reason) => {
    const attempt = () => trust(settings).parseTarget(target, null, 'registry "r" redirects');
    expect(attempt).toThrow(reason);
    expect(attempt).toThrow(BunkerError);
  });

  test("makes the target harmless in the message", () => {
    expect(() => trust().parseTarget("http://a/\u001b[31m\n", null, "x")).toThrow('"http://a/\\\\u001b[31m\\\\u000a"');
  });
});
