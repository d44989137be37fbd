import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  bend,
  chunked,
  claimLength,
  drip,
  fail,
  inTurn,
  raw,
  redirect,
  resetAt,
  silence,
  stallAt,
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

describe("a manifest is fetched", () => {
  test("by tag, as it is, with its digest and the media type that it declares", async () => {
    const { bytes, digest, mediaType } = await clientFor(reference).fetchManifest("1");
    expect(Buffer.from(bytes).equals(image.manifest.bytes)).toBeTrue();
    expect(digest as string).toBe(image.manifest.digest);
    expect(mediaType).toBe(image.manifest.mediaType);
  });

  test("by digest", async () => {
    expect((await clientFor(reference).fetchManifest(image.manifest.digest)).digest as string).toBe(
      image.manifest.digest,
    );
  });

  test("asking for both families of formats, uncompressed, under our name, without credentials", async () => {
    await fetchReference(reference);
    const headers: Record<string, string> = registry.requestsTo(MANIFESTS)[0]?.headers ?? {};
    expect(headers["user-agent"]).toMatch(/^bunker\/\d+\.\d+\.\d+/);
    expect(headers["accept-encoding"]).toBe("identity");
    expect(headers["accept"]).toContain("application/vnd.oci.image.index.v1+json");
    expect(headers["accept"]).toContain("application/vnd.docker.distribution.manifest.v2+json");
    expect(headers["authorization"]).toBeUndefined();
  });

  test("over one connection for many requests", async () => {
    const client = clientFor(reference);
    for (let round = 0; round < 5; round += 1) await client.fetchManifest("1");
    // One more was made to see whether the registry speaks TLS.
    expect(registry.connections).toBeLessThanOrEqual(2);
  });

  test.each<[what: string, contentType: string | null]>([
    ["no content type", null],
    ["an index's", "application/vnd.oci.image.index.v1+json"],
    ["HTML's", "text/html"],
  ])("with the same result under %s", async (_what, contentType) => {
    registry.when({ path: MANIFESTS }, withHeader("Content-Type", contentType));
    expect((await clientFor(reference).fetchManifest("1")).mediaType).toBe(image.manifest.mediaType);
  });

  test.each<[what: string, behaviour: Behaviour]>([
    ["chunked", chunked()],
    ["without a length", claimLength(null)],
    ["byte by byte", drip(7, 0)],
    ["without a digest header", withHeader("Docker-Content-Digest", null)],
    [
      "with a digest header in another algorithm",
      bend((answer) => ({
        ...answer,
        headers: {
          "Docker-Content-Digest": `sha512:${new Bun.CryptoHasher("sha512").update(answer.body ?? "").digest("hex")}`,
        },
      })),
    ],
    [
      "after a redirect",
      inTurn(
        redirect("/v2/team/app/manifests/1"),
        bend((answer) => answer),
      ),
    ],
    [
      "after an informational answer",
      async (_request, usual) => {
        const { body } = await usual();
        return {
          raw: `HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${body?.length}\r\n\r\n${Buffer.from(body ?? "").toString()}`,
        };
      },
    ],
  ])("%s", async (_what, behaviour) => {
    registry.when({ path: MANIFESTS }, behaviour);
    expect(sha256(await fetchReference(reference))).toBe(image.manifest.digest);
  });

  test("when it is exactly as large as may be", async () => {
    const padding = "x".repeat(MAX_DOCUMENT - JSON.stringify({ manifests: [], pad: "" }).length);
    const large = makeBlob(JSON.stringify({ manifests: [], pad: padding }), "any/type");
    expect(large.size).toBe(MAX_DOCUMENT);
    expect(await fetchReference(registry.pushManifest("team/large", "1", large))).toHaveLength(MAX_DOCUMENT);
  });
});

describe("a manifest is fetched in the end", () => {
  test.each<[what: string, behaviour: Behaviour, times: number]>([
    ["after server errors", fail(500), 3],
    ["after gateway errors", inTurn(fail(502), fail(503), fail(504)), 3],
    ["after a reset", resetAt(10), 2],
    ["after a connection closed without an answer", raw(""), 2],
    ["after a truncated body", truncateAt(10), 3],
    ["after 429 with a time in the past", tooManyRequests("Thu, 01 Jan 2015 00:00:00 GMT"), 2],
    ["after 429 with a negative time", tooManyRequests("-1"), 2],
    ["after 429 without a time", tooManyRequests(), 2],
  ])("%s", async (_what, behaviour, times) => {
    registry.when({ path: MANIFESTS }, behaviour, { times });
    expect(sha256(await fetchReference(reference))).toBe(image.manifest.digest);
    expect(registry.requestsTo(MANIFESTS)).toHaveLength(times + 1);
  });

  test("after as long as 429 asks to wait", async () => {
    registry.when({ path: MANIFESTS }, tooManyRequests("1"), { times: 1 });
    const started = performance.now();
    await fetchReference(reference);
    expect(performance.now() - started).toBeGreaterThanOrEqual(950);
  });

  test("after silence", async () => {
    registry.when({ path: MANIFESTS }, silence(), { times: 1 });
    registry.when({ path: MANIFESTS }, stallAt(5), { times: 1 });
    expect(sha256(await fetchReference(reference, { timeoutMs: SHORT_TIMEOUT_MS }))).toBe(image.manifest.digest);
  });
});

test("a request can be cancelled", async () => {
  registry.when({ path: MANIFESTS }, silence());
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  await expectFailure(clientFor(reference).fetchManifest("1", controller.signal), "cancelled");
  await expectFailure(clientFor(reference).fetchManifest("1", AbortSignal.abort()), "cancelled");
});
