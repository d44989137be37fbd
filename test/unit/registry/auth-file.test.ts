import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseName } from "../../../src/image/index.ts";
import { authKeyRank, findAuth, findHelper, parseAuthFile } from "../../../src/registry/auth-file.ts";

const encode = (document: unknown): Uint8Array =>
  new TextEncoder().encode(typeof document === "string" ? document : JSON.stringify(document));
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("keys of auths", () => {
  test.each<[key: string, name: string, fits: boolean]>([
    ["quay.io", "quay.io/team/app", true],
    ["quay.io/", "quay.io/team/app", true],
    ["quay.io/team", "quay.io/team/app", true],
    ["quay.io/team/app", "quay.io/team/app", true],
    ["quay.io/te", "quay.io/team/app", false],
    ["quay.io/team/app/deeper", "quay.io/team/app", false],
    ["https://quay.io", "quay.io/team/app", true],
    ["http://quay.io/v2/", "quay.io/team/app", true],
    ["HTTPS://Quay.IO/v1/", "quay.io/team/app", true],
    ["quay.io:443", "quay.io/team/app", false],
    ["quay.io", "quay.io:8443/team/app", false],
    ["localhost:5000", "localhost:5000/app", true],
    ["localhost", "localhost:5000/app", false],
    ["[::1]:5000", "[::1]:5000/app", true],
    ["evil.quay.io", "quay.io/team/app", false],
    ["quay.io.evil", "quay.io/team/app", false],
    ["io", "quay.io/team/app", false],
    ["https://index.docker.io/v1/", "alpine", true],
    ["https://index.docker.io/v1", "alpine", true],
    ["index.docker.io", "alpine", true],
    ["docker.io", "alpine", true],
    ["registry-1.docker.io", "alpine", true],
    ["docker.io/library", "alpine", true],
    ["docker.io/library/alpine", "alpine", true],
    ["docker.io/library", "user/app", false],
    ["hub.docker.com", "alpine", false],
    ["", "alpine", false],
    ["https://", "alpine", false],
    ["/", "alpine", false],
  ])("%j for %j: %p", (key, name, fits) => {
    expect(authKeyRank(key, parseName(name)) >= 0).toBe(fits);
  });

  test("fit exactly the repositories at or below them", () => {
    const part = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
    const host = fc.constantFrom("a.example", "a.example:5000", "localhost:80", "b.example");
    const path = fc.array(part, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(host, path, host, fc.array(part, { maxLength: 4 }), (domain, parts, keyHost, keyParts) => {
        const key = [keyHost, ...keyParts].join("/");
        const expected =
          keyHost === domain && keyParts.length <= parts.length && keyParts.every((text, at) => text === parts[at]);
        expect(authKeyRank(key, { domain, path: parts.join("/") }) >= 0).toBe(expected);
      }),
    );
  });

  test("of a repository's own path all fit, and the longer ranks higher", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,5}$/), { minLength: 1, maxLength: 5 }), (parts) => {
        const keys = parts.map((_part, at) => ["r.example", ...parts.slice(0, at + 1)].join("/"));
        const ranks = ["r.example", ...keys].map((key) =>
          authKeyRank(key, { domain: "r.example", path: parts.join("/") }),
        );
        expect(ranks[0]).toBeGreaterThan(0);
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
        expect(new Set(ranks).size).toBe(ranks.length);
      }),
    );
  });
});

describe("findAuth", () => {
  const find = (auths: unknown, name = "quay.io/team/app") =>
    findAuth(parseAuthFile(encode({ auths }), "/f"), parseName(name));

  test.each<[what: string, auths: unknown, expected: unknown]>([
    ["auth in base64", { "quay.io": { auth: base64("alice:pa:ss") } }, { username: "alice", password: "pa:ss" }],
    [
      "padding that old tools wrote",
      { "quay.io": { auth: base64("alice:pass\0\0") } },
      { username: "alice", password: "pass" },
    ],
    [
      "username and password",
      { "quay.io": { username: "alice", password: "x" } },
      { username: "alice", password: "x" },
    ],
    [
      "an identity token",
      { "quay.io": { auth: base64("alice:"), identitytoken: "t" } },
      { username: "alice", password: "", identityToken: "t" },
    ],
    ["a registry token", { "quay.io": { registrytoken: "t" } }, { username: "", password: "", registryToken: "t" }],
    [
      "the most specific key",
      {
        "quay.io": { auth: base64("a:1") },
        "quay.io/team/app": { auth: base64("c:3") },
        "quay.io/team": { auth: base64("b:2") },
      },
      { username: "c", password: "3" },
    ],
    [
      "the next key where one is empty",
      { "quay.io": { auth: base64("a:1") }, "quay.io/team": {} },
      { username: "a", password: "1" },
    ],
    ["nothing in an empty entry", { "quay.io": {} }, null],
    ["nothing for other hosts", { "gcr.io": { auth: base64("a:1") } }, null],
  ])("finds %s", (_what, auths, expected) => {
    expect(find(auths) as unknown).toEqual(expected);
  });

  test("ignores what is wrong with entries of other hosts", () => {
    expect(find({ "gcr.io": 7, "quay.io": { auth: base64("a:1") } })?.username).toBe("a");
  });

  test.each<[what: string, document: unknown, message: string]>([
    ["no JSON", "{", "not valid JSON"],
    ["a list", "[]", "not a JSON object"],
    ["auths that is none", { auths: [] }, '"auths" is not an object'],
    ["an entry that is none", { auths: { "quay.io": 7 } }, "is not an object"],
    ["a number for a name", { auths: { "quay.io": { username: 7 } } }, '"username" of "quay.io" is not a string'],
    ["auth without a colon", { auths: { "quay.io": { auth: base64("alice") } } }, "is not user:password in base64"],
    ["a store that is no name", { credsStore: 7 }, '"credsStore" is not a string'],
  ])("refuses %s, naming the file", (_what, document, message) => {
    const attempt = () => findAuth(parseAuthFile(encode(document), "/the/file"), parseName("quay.io/team/app"));
    expect(attempt).toThrow(message);
    expect(attempt).toThrow('reading credentials from "/the/file"');
  });
});

describe("findHelper", () => {
  const find = (credHelpers: unknown, name: string) =>
    findHelper(parseAuthFile(encode({ credHelpers }), "/f"), parseName(name));

  test("finds the host's helper, docker hub's under all its names", () => {
    expect(find({ "quay.io": "pass" }, "quay.io/a/b")).toBe("pass");
    expect(find({ "https://index.docker.io/v1/": "pass" }, "alpine")).toBe("pass");
    expect(find({ "quay.io": "pass" }, "quay.io:444/a/b")).toBeNull();
    expect(find({ "quay.io": "" }, "quay.io/a/b")).toBeNull();
    expect(() => find({ "quay.io": [] }, "quay.io/a/b")).toThrow("is not a string");
  });
});
