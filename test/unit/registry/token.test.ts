import { describe, expect, test } from "bun:test";
import { basicAuthorization, parseToken } from "../../../src/registry/token.ts";

const encode = (document: unknown): Uint8Array =>
  new TextEncoder().encode(typeof document === "string" ? document : JSON.stringify(document));

describe("parseToken", () => {
  test.each<[what: string, document: unknown, expected: string]>([
    ["token", { token: "a" }, "Bearer a"],
    ["access_token", { access_token: "b" }, "Bearer b"],
    ["token before access_token", { token: "a", access_token: "b" }, "Bearer a"],
    ["access_token where token is empty", { token: "", access_token: "b" }, "Bearer b"],
  ])("takes %s", (_what, document, expected) => {
    expect(parseToken(encode(document), "host").authorization).toBe(expected);
  });

  test.each<[what: string, document: unknown, message: string]>([
    ["none", {}, "holds no token"],
    ["a number", { token: 7 }, "holds no token"],
    ["an empty one", { token: "", access_token: "" }, "holds no token"],
    ["a line break", { token: "a\r\nX-Evil: 1" }, "characters that no token may have"],
    ["a NUL", { token: "a\u0000b" }, "characters that no token may have"],
    ["a space", { token: "a b" }, "characters that no token may have"],
    ["letters beyond ASCII", { token: "é" }, "characters that no token may have"],
    ["a huge one", { token: "a".repeat(100_000) }, "too long"],
    ["no JSON", "<html>", "not valid JSON"],
    ["two tokens of one name", '{"token":"a","token":"b"}', "appears twice"],
  ])("refuses %s", (_what, document, message) => {
    expect(() => parseToken(encode(document), "host")).toThrow(message);
  });

  test.each<[expiresIn: unknown, seconds: number]>([
    [undefined, 60],
    [-1, 60],
    [0, 60],
    [null, 60],
    ["300", 60],
    [300, 300],
    [1e300, 86_400],
  ])("expires_in %p is %p seconds, less a margin", (expiresIn, seconds) => {
    const { expiresAt } = parseToken(encode({ token: "a", expires_in: expiresIn }), "host");
    const left = (expiresAt - performance.now()) / 1000;
    expect(left).toBeGreaterThan(seconds - 7);
    expect(left).toBeLessThanOrEqual(seconds - 5);
  });
});

test("basicAuthorization encodes whatever is in a password", () => {
  const header = basicAuthorization({ username: "ä", password: "a:\r\nb" });
  expect(header).toMatch(/^Basic [A-Za-z0-9+/=]+$/);
  expect(Buffer.from(header.slice(6), "base64").toString()).toBe("ä:a:\r\nb");
});
