import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../../src/errors.ts";
import {
  bend,
  claimLength,
  drip,
  endless,
  fail,
  raw,
  replaceBody,
  tooManyRequests,
  truncateAt,
  withHeader,
} from "../../support/behaviour.ts";
import { type Image, makeBlob, makeImage, makeLayer, sha256 } from "../../support/image.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";
import type { Behaviour } from "../../support/scripted-server.ts";
import { file } from "../../support/tar.ts";
import { clientFor, expectFailure, fetchReference, SHORT_TIMEOUT_MS } from "./client.ts";

const MANIFESTS = /\/manifests\//;
const MAX_DOCUMENT = 4 * 1024 * 1024;

let registry: TestRegistry;
let image: Image;
let reference: string;

beforeEach(() => {
  registry = startRegistry();
  image = makeImage({ layers: [makeLayer([file("etc/motd", "hello")])] });
  reference = registry.push("team/app", "1", image);
});
afterEach(() => registry.stop());

describe("a manifest is refused", () => {
  const other = JSON.stringify({ schemaVersion: 2, manifests: [] });
  test.each<[what: string, behaviour: Behaviour, code: ErrorCode, message: string]>([
    [
      "with other bytes under the right digest header",
      replaceBody(other),
      "digest-mismatch",
      "content does not match its digest",
    ],
    [
      "with a digest header for other bytes",
      withHeader("Docker-Content-Digest", sha256("other")),
      "digest-mismatch",
      "content does not match",
    ],
    [
      "with a digest header that is none",
      withHeader("Docker-Content-Digest", "sha256:abc"),
      "digest-mismatch",
      "content does not match",
    ],
    ["when it is HTML", bend(() => ({ body: "<html>Sign in</html>" })), "invalid-image", "not valid JSON"],
    ["when it is empty", bend(() => ({ body: "" })), "invalid-image", "not valid JSON"],
    ["when it is a list", bend(() => ({ body: "[]" })), "invalid-image", "not a JSON object"],
    ["when a key appears twice", bend(() => ({ body: '{"a":1,"a":2}' })), "invalid-image", "appears twice"],
    ["when it says to be too large", claimLength(MAX_DOCUMENT + 1), "registry", "sent more than"],
    [
      "when it is too large",
      bend(() => ({ body: "x".repeat(MAX_DOCUMENT + 1), length: null })),
      "registry",
      "sent more than",
    ],
    ["when it never ends", endless(), "registry", "sent more than"],
    ["when its length is negative", claimLength(-1), "registry", "not valid HTTP"],
    ["when its length is no number", claimLength("5x"), "registry", "not valid HTTP"],
    [
      "when it has two lengths",
      bend((answer) => ({ ...answer, headers: { "content-length": "3" } })),
      "registry",
      "not valid HTTP",
    ],
    ["when the answer is no HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n"), "registry", "not valid HTTP"],
    [
      "with a hundred thousand headers",
      raw(`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(100_000)}\r\n`),
      "registry",
      "not valid HTTP",
    ],
    [
      "with an endless header",
      raw(`HTTP/1.1 200 OK\r\nX: ${"y".repeat(20_000_000)}\r\n\r\n`),
      "registry",
      "not valid HTTP",
    ],
    ["with status 204", bend(() => ({ status: 204, length: null })), "registry", "status 204"],
    ["with status 304", bend(() => ({ status: 304 })), "registry", "status 304"],
    ["with a part of it", bend((answer) => ({ ...answer, status: 206 })), "registry", "status 206"],
    [
      "with an unasked upgrade",
      raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
      "registry",
      "not valid HTTP",
    ],
  ])("%s", async (_what, behaviour, code, message) => {
    registry.when({ path: MANIFESTS }, behaviour);
    await expectFailure(fetchReference(reference), code, message);
    expect(registry.requestsTo(MANIFESTS)).toHaveLength(1);
  });

  test("by digest, when the registry has others bytes and leaves the header out", async () => {
    registry.when(
      { path: MANIFESTS },
      bend(() => ({ body: other })),
    );
    await expectFailure(
      clientFor(reference).fetchManifest(image.manifest.digest),
      "digest-mismatch",
      image.manifest.digest,
    );
  });

  test("when it was cut short and so is shorter than it says, after some more tries", async () => {
    registry.when({ path: MANIFESTS }, truncateAt(10));
    await expectFailure(fetchReference(reference), "network", "closed before the answer was complete");
    expect(registry.requestsTo(MANIFESTS)).toHaveLength(4);
  });

  test("when it drips", async () => {
    registry.when({ path: MANIFESTS }, drip(1, 20));
    await expectFailure(fetchReference(reference, { timeoutMs: 100 }), "network", "no data for 0.1 s after");
  });

  test("when it comes steadily, but would take for ever", async () => {
    const large = registry.pushManifest("team/large", "1", makeBlob("x".repeat(MAX_DOCUMENT), "any/type"));
    registry.when({ path: MANIFESTS }, drip(2000, 10));
    const started = performance.now();
    await expectFailure(fetchReference(large, { timeoutMs: 150 }), "network", "comes too slowly");
    expect(performance.now() - started).toBeLessThan(4000);
  });

  test.each(["", "a/../../b", "a b", "a\r\nX-Evil: 1", "-a", "x".repeat(129), "sha256:abc", "?x", "%2e%2e"])(
    "asked for by %j",
    async (name) => {
      await expectFailureWithoutHint(clientFor(reference).fetchManifest(name));
      expect(registry.requests).toHaveLength(0);
    },
  );
});

async function expectFailureWithoutHint(attempt: Promise<unknown>): Promise<void> {
  const error = await attempt.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "invalid-reference" });
}

describe("errors of a registry are told in docker's words", () => {
  test.each<[what: string, behaviour: Behaviour, code: ErrorCode, message: string, tries: number]>([
    [
      "unknown tag",
      fail(404, { code: "MANIFEST_UNKNOWN", message: "manifest unknown" }),
      "not-found",
      "/team/app:1 not found: manifest unknown: manifest unknown",
      1,
    ],
    ["404 without words", fail(404), "not-found", "/team/app:1 not found: manifest unknown", 1],
    [
      "unknown repository",
      fail(404, { code: "NAME_UNKNOWN", message: "no such" }),
      "not-found",
      "/team/app not found: name unknown: no such",
      1,
    ],
    [
      "403",
      fail(403, { code: "DENIED", message: "requested access to the resource is denied" }),
      "unauthorized",
      "repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      1,
    ],
    ["401 without a challenge", fail(401), "unauthorized", "pull access denied for 127.0.0.1", 1],
    [
      "an error for a terminal",
      fail(404, { code: "MANIFEST_UNKNOWN", message: "\u001b[2J\u001b]0;x\u0007\nsecond line" }),
      "not-found",
      "\\u001b[2J\\u001b]0;x\\u0007\\u000asecond line",
      1,
    ],
    [
      "a long error",
      fail(403, { code: "DENIED", message: "x".repeat(100_000) }),
      "unauthorized",
      `${"x".repeat(300)}…`,
      1,
    ],
    [
      "500 for ever",
      fail(500, { code: "UNKNOWN", message: "disk" }),
      "registry",
      "answered with status 500 to a request for 127.0.0.1",
      4,
    ],
    ["429 for ever", tooManyRequests(), "registry", "toomanyrequests: You have reached your pull rate limit", 4],
    ["429 for longer than we wait", tooManyRequests("1000000000"), "registry", "it asks to wait 1000000000 s", 1],
    ["429 until next year", tooManyRequests("Fri, 01 Jan 2100 00:00:00 GMT"), "registry", "it asks to wait", 1],
    [
      "an endless error",
      bend(() => ({ status: 403, chunked: true, endless: true })),
      "unauthorized",
      "pull access denied",
      1,
    ],
    [
      "an error cut short",
      bend(() => ({ status: 403, body: '{"errors":[', length: 100, cutAfter: 11 })),
      "unauthorized",
      "pull access denied",
      1,
    ],
  ])("%s", async (_what, behaviour, code, message, tries) => {
    registry.when({ path: MANIFESTS }, behaviour);
    const error = await expectFailure(fetchReference(reference), code, message);
    expect(error.message.length).toBeLessThan(600);
    expect(registry.requestsTo(MANIFESTS)).toHaveLength(tries);
  });

  test("an error that never comes is not waited for for ever", async () => {
    registry.when(
      { path: MANIFESTS },
      bend(() => ({ status: 403, body: "x".repeat(100), stallAfter: 10 })),
    );
    await expectFailure(
      fetchReference(reference, { timeoutMs: SHORT_TIMEOUT_MS }),
      "unauthorized",
      "pull access denied",
    );
  });
});
