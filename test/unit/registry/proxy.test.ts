import { describe, expect, test } from "bun:test";
import { chooseProxy } from "../../../src/registry/proxy.ts";

describe("chooseProxy", () => {
  const PROXIES = { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://p:2" };
  test.each<[url: string, environment: Record<string, string>, expected: string | null]>([
    ["https://a.example/", {}, null],
    ["https://a.example/", PROXIES, "http://p:2"],
    ["http://a.example/", PROXIES, "http://p:1"],
    ["https://a.example/", { ALL_PROXY: "http://all:3" }, "http://all:3"],
    ["https://a.example/", { HTTPS_PROXY: "p:2" }, "http://p:2"],
    ["https://a.example/", { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:1" }, "http://low:1"],
    ["https://a.example/", { https_proxy: "", HTTPS_PROXY: "http://up:1" }, "http://up:1"],
    ["https://127.0.0.1:5000/", PROXIES, null],
    ["http://localhost/", PROXIES, null],
    ["http://[::1]:80/", PROXIES, null],
    ["https://a.example/", { ...PROXIES, NO_PROXY: "a.example" }, null],
    ["https://b.a.example/", { ...PROXIES, NO_PROXY: "a.example" }, null],
    ["https://ba.example/", { ...PROXIES, NO_PROXY: "a.example" }, "http://p:2"],
    ["https://b.a.example/", { ...PROXIES, NO_PROXY: ".a.example" }, null],
    ["https://b.a.example/", { ...PROXIES, no_proxy: "x, *.a.example" }, null],
    ["https://a.example/", { ...PROXIES, NO_PROXY: "*" }, null],
    ["https://a.example/", { ...PROXIES, NO_PROXY: "a.example:443" }, null],
    ["https://a.example:8443/", { ...PROXIES, NO_PROXY: "a.example:443" }, "http://p:2"],
    ["https://10.1.2.3/", { ...PROXIES, NO_PROXY: "10.0.0.0/8" }, null],
    ["https://10.1.2.3/", { ...PROXIES, NO_PROXY: "10.1.2.3" }, null],
    ["https://[fd00::1]/", { ...PROXIES, NO_PROXY: "fd00::/8" }, null],
    ["https://[fd00::1]/", { ...PROXIES, NO_PROXY: "fd00::1" }, null],
    ["https://a.example/", { ...PROXIES, NO_PROXY: " , ,," }, "http://p:2"],
  ])("%s with %j: %p", (url, environment, expected) => {
    expect(chooseProxy(new URL(url), environment)).toBe(expected);
  });
});
