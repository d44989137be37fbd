import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../../src/errors.ts";
import {
  bend,
  chunked,
  claimLength,
  drip,
  endless,
  fail,
  redirect,
  replaceBody,
  silence,
  stallAt,
  truncateAt,
  withHeader,
} from "../../support/behaviour.ts";
import { type Blob, makeBlob } from "../../support/image.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";
import type { Behaviour } from "../../support/scripted-server.ts";
import { clientFor, descriptor, expectFailure, TestSink } from "./client.ts";

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

describe("a blob is downloaded", () => {
  test("at once, uncompressed", async () => {
    await download();
    expect(ranges()).toEqual([undefined]);
    expect(registry.requestsTo(BLOBS)[0]?.headers["accept-encoding"]).toBe("identity");
  });

  test.each<[what: string, behaviour: Behaviour]>([
    ["chunked", chunked()],
    ["without a length", claimLength(null)],
    ["in small pieces", drip(9000, 0)],
    [
      "with trailing bytes that are not its own",
      bend((answer) => ({ ...answer, body: Buffer.concat([Buffer.from(answer.body ?? ""), Buffer.from("more")]) })),
    ],
    [
      "out of an endless body",
      bend((answer) => ({
        ...answer,
        body: Buffer.concat([Buffer.from(answer.body ?? ""), Buffer.alloc(20_000_000)]),
        chunked: true,
      })),
    ],
    ["with an encoding that it does not have", withHeader("Content-Encoding", "gzip")],
    ["under the type of a page", withHeader("Content-Type", "text/html")],
  ])("%s", async (_what, behaviour) => {
    registry.when({ path: BLOBS }, behaviour);
    await download();
  });

  test("without a request when it is empty or there already", async () => {
    await client().downloadBlob(descriptor(makeBlob("", "any/type")), new TestSink(), ANY);
    await download(new TestSink(blob.bytes));
    expect(registry.requests).toHaveLength(0);
  });

  test("from where an earlier download ended", async () => {
    const sink = await download(new TestSink(blob.bytes.subarray(0, 1234)));
    expect(ranges()).toEqual(["bytes=1234-"]);
    expect(sink.restarts).toBe(0);
  });

  test("from its beginning when there is more than there can be", async () => {
    const sink = await download(new TestSink(Buffer.concat([blob.bytes, Buffer.from("x")])));
    expect(sink.restarts).toBe(1);
  });

  test("many at a time", async () => {
    const one = client();
    const sinks = Array.from({ length: 20 }, () => new TestSink());
    await Promise.all(sinks.map((sink) => one.downloadBlob(descriptor(blob), sink, ANY)));
    for (const sink of sinks) expect(Buffer.from(sink.bytes()).equals(blob.bytes)).toBeTrue();
  });
});

describe("a download fails", () => {
  test.each<[what: string, behaviour: Behaviour, code: ErrorCode, message: string, tries: number]>([
    [
      "when it always breaks at the same byte",
      bend((answer) => ({ ...answer, length: SIZE, cutAfter: 0 })),
      "network",
      "closed before the answer was complete",
      4,
    ],
    ["when the registry has less of it", bend(() => ({ body: "short" })), "registry", "bytes before its size", 4],
    [
      "when it is not there",
      fail(404, { code: "BLOB_UNKNOWN", message: "blob unknown to registry" }),
      "not-found",
      "not found: blob unknown: blob unknown to registry",
      1,
    ],
    ["when it is forbidden", fail(403), "unauthorized", "pull access denied", 1],
    ["when the server is broken", fail(500), "registry", "status 500", 4],
    [
      "when redirects go in circles",
      redirect("/v2/team/app/blobs/loop"),
      "registry",
      "redirected more than 10 times",
      11,
    ],
    ["when a redirect says not where", fail(307), "registry", "without saying where", 1],
  ])("%s", async (_what, behaviour, code, message, tries) => {
    registry.when({ path: BLOBS }, behaviour);
    await expectFailure(download(), code, message);
    expect(registry.requestsTo(BLOBS)).toHaveLength(tries);
  });

  test("when it trickles: progress that is none does not count", async () => {
    registry.when({ path: BLOBS }, truncateAt(1000));
    await expectFailure(download(), "network", "closed before the answer was complete");
    expect(registry.requestsTo(BLOBS).length).toBeLessThan(10);
  });

  test("when the server starts anew each time and never gets further", async () => {
    registry.when({ path: BLOBS }, async (request, usual) => {
      delete request.headers["range"];
      return { ...(await usual()), cutAfter: 200_000 };
    });
    await expectFailure(download(), "network");
    expect(registry.requestsTo(BLOBS).length).toBeLessThan(10);
  });

  test("after silence, naming host and offset", async () => {
    registry.when({ path: BLOBS }, stallAt(12_345));
    const sink = new TestSink(blob.bytes.subarray(0, 1000));
    const error = await expectFailure(download(sink, { timeoutMs: 100 }), "network", "no data for 0.1 s");
    expect(error.message).toContain(registry.host);
    expect(sink.size()).toBeGreaterThan(12_345);
  });

  test("when so little comes that it is as good as silence", async () => {
    registry.when({ path: BLOBS }, drip(1, 10));
    const started = performance.now();
    await expectFailure(download(new TestSink(), { timeoutMs: 200 }), "network", "no data for 0.2 s after ");
    expect(performance.now() - started).toBeLessThan(4000);
  });

  test("at once when it is cancelled, before and while it runs and while it waits", async () => {
    const attempt = async (behaviour: Behaviour): Promise<void> => {
      registry.when({ path: BLOBS }, behaviour, { times: 1 });
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 60);
      const started = performance.now();
      await expectFailure(
        client({ retryDelayMs: 30_000 }).downloadBlob(descriptor(blob), new TestSink(), controller.signal),
        "cancelled",
      );
      expect(performance.now() - started).toBeLessThan(2000);
    };
    await attempt(silence());
    await attempt(stallAt(1000));
    await attempt(drip(10_000, 5));
    await attempt(fail(500));
    await expectFailure(client().downloadBlob(descriptor(blob), new TestSink(), AbortSignal.abort()), "cancelled");
  });

  test("when the sink cannot take it, with the sink's error and one try", async () => {
    registry.when({ path: BLOBS }, endless());
    const sink = new TestSink();
    sink.append = () => {
      throw new Error("no space left");
    };
    const error = await client()
      .downloadBlob(descriptor(blob), sink, ANY)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: "no space left" });
    await Bun.sleep(100);
    expect(registry.requestsTo(BLOBS)).toHaveLength(1);
    expect(registry.openConnections).toBe(0);
  });
});

describe("a small blob", () => {
  test("is fetched and verified", async () => {
    expect(Buffer.from(await client().fetchSmallBlob(descriptor(blob))).equals(blob.bytes)).toBeTrue();
  });

  test.each<[what: string, behaviour: Behaviour, code: ErrorCode]>([
    ["other bytes of the same size", replaceBody(Buffer.alloc(SIZE)), "digest-mismatch"],
    [
      "bytes that only begin right",
      bend((answer) => ({
        ...answer,
        body: Buffer.concat([Buffer.from(answer.body?.slice(0, 999_999) ?? ""), Buffer.from("?")]),
      })),
      "digest-mismatch",
    ],
    ["fewer bytes", bend(() => ({ body: "short" })), "registry"],
    ["an endless stream of others", endless(), "digest-mismatch"],
  ])("is refused when it is %s", async (_what, behaviour, code) => {
    registry.when({ path: BLOBS }, behaviour);
    await expectFailure(client().fetchSmallBlob(descriptor(blob)), code);
  });

  test("is not even asked for when it is said to be large", async () => {
    const large = { ...descriptor(blob), size: 4 * 1024 * 1024 + 1 };
    const error = await client()
      .fetchSmallBlob(large)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "invalid-image" });
    expect(registry.requests).toHaveLength(0);
  });
});
