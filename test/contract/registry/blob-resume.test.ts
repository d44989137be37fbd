import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { bend, drip, fail, ignoreRange, inTurn, resetAt, stallAt, truncateAt } from "../../support/behaviour.ts";
import { type Blob, makeBlob } from "../../support/image.ts";
import { startBlobHost, startRegistry, type TestRegistry } from "../../support/registry.ts";
import type { Behaviour } from "../../support/scripted-server.ts";
import { clientFor, descriptor, SHORT_TIMEOUT_MS, TestSink } from "./client.ts";

const BLOBS = /\/blobs\//;
const SIZE = 1_000_000;
const ANY = new AbortController().signal;

let registry: TestRegistry;
let blob: Blob;

beforeEach(() => {
  registry = startRegistry();
  blob = makeBlob(crypto.getRandomValues(new Uint8Array(65_536)), "any/type");
  const bytes = Buffer.concat(Array.from({ length: 16 }, () => blob.bytes)).subarray(0, SIZE);
  blob = makeBlob(bytes, "any/type");
  registry.addBlob(blob);
});
afterEach(() => registry.stop());

const client = (changes = {}) => clientFor(`${registry.host}/team/app:1`, changes);
const ranges = (): (string | undefined)[] => registry.requestsTo(BLOBS).map(({ headers }) => headers["range"]);

async function download(sink = new TestSink(), changes = {}): Promise<TestSink> {
  await client(changes).downloadBlob(descriptor(blob), sink, ANY);
  expect(Buffer.from(sink.bytes()).equals(blob.bytes)).toBeTrue();
  return sink;
}

describe("a download goes on", () => {
  test.each([0, 1, 65_535, 500_000, 999_999])("after a connection closed at byte %p", async (at) => {
    registry.when({ path: BLOBS }, truncateAt(at), { times: 1 });
    const sink = await download();
    expect(sink.restarts).toBe(0);
    expect(ranges()).toEqual([undefined, at === 0 ? undefined : `bytes=${at}-`]);
  });

  test.each([1, 70_000, 999_999])("after a reset at byte %p", async (at) => {
    registry.when({ path: BLOBS }, resetAt(at), { times: 1 });
    await download();
    expect(registry.requestsTo(BLOBS)).toHaveLength(2);
  });

  test("after a body that just ended too early", async () => {
    registry.when(
      { path: BLOBS },
      bend((answer) => ({ ...answer, length: null, body: answer.body?.slice(0, 1000) ?? "" })),
      { times: 1 },
    );
    await download();
    expect(ranges()).toEqual([undefined, "bytes=1000-"]);
  });

  test("naming the version it began with", async () => {
    registry.when({ path: BLOBS }, truncateAt(1000), { times: 1 });
    await download();
    expect(registry.requestsTo(BLOBS)[1]?.headers["if-range"]).toBe(`"${blob.digest}"`);
  });

  test("from the beginning when the version has changed", async () => {
    registry.when(
      { path: BLOBS },
      bend((answer) => ({ ...answer, headers: { ETag: '"old"' }, cutAfter: 1000 })),
      { times: 1 },
    );
    expect((await download()).restarts).toBe(1);
  });

  test("without naming a weak or strange version", async () => {
    for (const etag of ['W/"weak"', "bare", '"', `"${"x".repeat(1000)}"`]) {
      registry.when(
        { path: BLOBS },
        bend((answer) => ({ ...answer, headers: { ETag: etag }, cutAfter: 1000 })),
        { times: 1 },
      );
      await download();
    }
    expect(registry.requestsTo(BLOBS).filter(({ headers }) => headers["if-range"] !== undefined)).toHaveLength(0);
  });

  test.each<[what: string, behaviour: Behaviour, restarts: number]>([
    ["answers with the whole", ignoreRange(), 1],
    ["answers 416", bend(() => ({ status: 416 })), 1],
    [
      "answers with another part",
      bend((answer) => ({ ...answer, status: 206, headers: { "Content-Range": `bytes 5-${SIZE - 1}/${SIZE}` } })),
      1,
    ],
    ["answers with a part that it does not name", bend((answer) => ({ ...answer, status: 206, headers: {} })), 1],
    [
      "answers with a part that is none",
      bend((answer) => ({ ...answer, status: 206, headers: { "Content-Range": "bytes */7" } })),
      1,
    ],
    [
      "answers with parts",
      bend(() => ({ status: 206, headers: { "Content-Type": "multipart/byteranges; boundary=x" }, body: "--x--" })),
      1,
    ],
  ])("where the server %s", async (_what, behaviour, restarts) => {
    registry.when(
      { path: BLOBS },
      inTurn(
        truncateAt(1000),
        behaviour,
        bend((answer) => answer),
      ),
    );
    expect((await download()).restarts).toBe(restarts);
  });

  test("after silence, and says nothing of it", async () => {
    registry.when({ path: BLOBS }, stallAt(300_000), { times: 1 });
    await download(new TestSink(), { timeoutMs: SHORT_TIMEOUT_MS });
    expect(ranges()).toEqual([undefined, "bytes=300000-"]);
  });

  test("as often as it must while it gains something", async () => {
    registry.when({ path: BLOBS }, truncateAt(100_000));
    await download();
    expect(registry.requestsTo(BLOBS)).toHaveLength(10);
  });

  test("over the registry's restart", async () => {
    const sink = new TestSink();
    registry.when({ path: BLOBS }, drip(10_000, 2), { times: 1 });
    const downloading = download(sink, { retryDelayMs: 60 });
    while (sink.size() < 100_000) await Bun.sleep(1);
    await registry.restart(50);
    await downloading;
    expect(registry.requestsTo(BLOBS).length).toBeGreaterThanOrEqual(2);
  });

  test("after a signed address has expired", async () => {
    using blobs = startBlobHost(registry);
    blobs.when({ path: /./ }, fail(403), { times: 1 });
    await download();
    expect(registry.requestsTo(BLOBS)).toHaveLength(2);
  });
});
