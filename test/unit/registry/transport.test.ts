import { afterEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import type { RegistrySettings } from "../../../src/registry/index.ts";
import { Transport } from "../../../src/registry/transport.ts";
import { Trust } from "../../../src/registry/trust.ts";

const SETTINGS: RegistrySettings = {
  home: null,
  environment: {},
  tlsVerify: null,
  authFile: null,
  insecureRegistries: [],
};

let lookup: Mock<typeof Bun.dns.lookup> | null = null;

/** Names lead to these addresses until the end of the test. */
function resolveTo(...addresses: string[]): Mock<typeof Bun.dns.lookup> {
  lookup = spyOn(Bun.dns, "lookup").mockImplementation(async () =>
    addresses.map((address) => ({ address, family: 4, ttl: 0 })),
  );
  return lookup;
}

afterEach(() => lookup?.mockRestore());

const check = async (url: string, changes: Partial<RegistrySettings> = {}, host = "registry.example") => {
  const settings = { ...SETTINGS, ...changes };
  await new Transport(settings, new Trust(host, settings)).ensureHostAllowed(new URL(url), "the registry redirects");
};

describe("a host that a registry names", () => {
  test.each([
    ["169.254.169.254", "it is a link-local address"],
    ["fe80::1%eth0", "it is a link-local address"],
    ["127.0.0.1", "it is this machine"],
    ["::1", "it is this machine"],
    ["::ffff:127.0.0.1", "it is this machine"],
  ])("is refused when its name leads to %s", async (address, reason) => {
    resolveTo("203.0.113.1", address);
    expect(check("https://cdn.example/x")).rejects.toThrow(`its address is ${address}, and ${reason}`);
  });

  test("is allowed when it leads elsewhere, or nowhere yet", async () => {
    resolveTo("203.0.113.1", "2001:db8::1", "10.0.0.1");
    await check("https://cdn.example/x");
    lookup?.mockRejectedValue(new Error("ENOTFOUND"));
    await check("https://cdn.example/x");
  });

  test("is allowed to be this machine for a registry on this machine", async () => {
    resolveTo("127.0.0.1");
    await check("https://cdn.example/x", {}, "localhost:5000");
  });

  test("is not looked up when it is the registry itself, or behind a proxy", async () => {
    const calls = resolveTo("169.254.169.254");
    await check("https://registry.example:8443/x");
    await check("https://cdn.example/x", { environment: { HTTPS_PROXY: "http://proxy.example:3128" } });
    expect(calls).not.toHaveBeenCalled();
  });
});
