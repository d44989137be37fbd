import { describe, expect, test } from "bun:test";
import { openRegistry } from "../../../src/registry/index.ts";
import { raw } from "../../support/behaviour.ts";
import { makeImage } from "../../support/image.ts";
import { startRegistry } from "../../support/registry.ts";
import { ScriptedServer } from "../../support/scripted-server.ts";
import { expectFailure, fetchReference, settingsOf } from "./client.ts";

describe("a host that cannot be reached", () => {
  test("a refused connection names host and port, at once", async () => {
    const registry = startRegistry();
    const { host } = registry;
    registry.stop();
    const started = performance.now();
    await expectFailure(fetchReference(`${host}/a:1`), "network", `connecting to "${host}": connection refused`);
    await expectFailure(
      fetchReference(`${host}/a:1`, { tlsVerify: true }),
      "network",
      `connecting to "${host}": connection refused`,
    );
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test("an unknown name is told of", async () => {
    await expectFailure(
      fetchReference("no-such-registry.invalid/a:1"),
      "network",
      'connecting to "no-such-registry.invalid": no such host',
    );
  });

  test.each([
    { domain: "127.0.0.1:99999", path: "a" },
    { domain: "[::1", path: "a" },
    { domain: "a.example/../b", path: "x" },
    { domain: "user@a.example", path: "x" },
    { domain: "a.example?x", path: "x" },
    { domain: "a.example", path: "../../x" },
    { domain: "a.example", path: "x?y" },
    { domain: "a.example", path: "x\r\ny" },
    { domain: "a.example", path: "" },
  ])("%j is no repository to ask for", (name) => {
    expect(() => openRegistry(name, settingsOf())).toThrow("invalid reference format");
  });
});

describe("through a proxy", () => {
  test("a registry is asked, with the proxy's own credentials only for the proxy", async () => {
    using proxy = new ScriptedServer(() => ({ body: "{}" }));
    const environment = { HTTP_PROXY: `http://user:pw@${proxy.host}`, HTTPS_PROXY: "http://127.0.0.1:1" };
    // TLS fails (no such proxy), and a registry listed as insecure is then asked over plain HTTP.
    await fetchReference("registry.invalid/a:1", { environment, insecureRegistries: ["registry.invalid"] });
    expect(proxy.requests.map(({ headers }) => headers["host"])).toEqual(["registry.invalid"]);
    expect(proxy.requests[0]?.headers["proxy-authorization"]).toStartWith("Basic ");
  });

  test("loopback is not", async () => {
    using proxy = new ScriptedServer(() => ({ status: 502 }));
    using registry = startRegistry();
    const reference = registry.push("a", "1", makeImage());
    const environment = { HTTP_PROXY: proxy.origin, HTTPS_PROXY: proxy.origin, ALL_PROXY: proxy.origin };
    await fetchReference(reference, { environment });
    expect(proxy.requests).toHaveLength(0);
  });

  test("a proxy that refuses, cannot be reached or is none is told of", async () => {
    using proxy = new ScriptedServer(() => ({ status: 407 }));
    const attempt = (url: string) => fetchReference("registry.invalid/a:1", { environment: { HTTPS_PROXY: url } });
    await expectFailure(attempt(proxy.origin), "network", `proxy "${proxy.host}": `);
    await expectFailure(
      attempt("http://127.0.0.1:1"),
      "network",
      'connecting to proxy "127.0.0.1:1": connection refused',
    );
    await expectFailure(attempt("socks5://127.0.0.1:1"), "network", "not an http or https URL");
  });

  test("its answer over plain HTTP is judged like any other", async () => {
    using proxy = new ScriptedServer(() => ({ status: 200 }));
    proxy.when({ path: /./ }, raw("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"));
    const settings = {
      environment: { HTTP_PROXY: proxy.origin, HTTPS_PROXY: "http://127.0.0.1:1" },
      insecureRegistries: ["registry.invalid"],
    };
    await expectFailure(fetchReference("registry.invalid/a:1", settings), "registry", "not valid HTTP");
  });
});
