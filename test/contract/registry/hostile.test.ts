import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { BunkerError } from "../../../src/errors.ts";
import { raw, silence, stallAt, truncateAt } from "../../support/behaviour.ts";
import { makeImage, makeLayer } from "../../support/image.ts";
import { startRegistry, startTokenServer } from "../../support/registry.ts";
import type { ScriptedServer } from "../../support/scripted-server.ts";
import { file } from "../../support/tar.ts";
import { clientFor, descriptor, TestSink } from "./client.ts";

const image = makeImage({ layers: [makeLayer([file("a", "b")])] });
const ANY = new AbortController().signal;
const RUNS = 150;

const openFiles = (): number => readdirSync("/proc/self/fd").length;

/** Succeeds, or fails in one line that a person can read. */
async function expectNoSurprise(attempt: Promise<unknown>): Promise<void> {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error === null) return;
  if (!(error instanceof BunkerError)) throw error;
  expect(error.message).not.toMatch(/[\p{Cc}]/u);
  expect(error.message.length).toBeLessThan(1500);
}

/** An answer with some of its bytes replaced, put in or left out. */
const damage = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.uint8Array({ maxLength: 6 }),
    drop: fc.nat({ max: 6 }),
  }),
  { minLength: 1, maxLength: 3 },
);

function apply(answer: Uint8Array, changes: { at: number; bytes: Uint8Array; drop: number }[]): Uint8Array {
  let result = answer;
  for (const { at, bytes, drop } of changes) {
    const offset = Math.floor(at * result.byteLength);
    result = Buffer.concat([result.subarray(0, offset), bytes, result.subarray(offset + drop)]);
  }
  return result;
}

function answerOf(headers: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.byteLength}\r\n${headers}\r\n`), body]);
}

async function expectNoSurpriseFrom(
  damaged: ScriptedServer,
  path: RegExp,
  answer: Uint8Array,
  attempt: () => Promise<unknown>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      damaged.when({ path }, raw(apply(answer, changes)));
      await expectNoSurprise(attempt());
    }),
    { numRuns: RUNS },
  );
}

const settings = { timeoutMs: 500, retryDelayMs: 0 };

test("a damaged manifest is never a surprise", async () => {
  using registry = startRegistry();
  const reference = registry.push("team/app", "1", image);
  const answer = answerOf(`Docker-Content-Digest: ${image.manifest.digest}\r\n`, image.manifest.bytes);
  await expectNoSurpriseFrom(registry, /manifests/, answer, () => clientFor(reference, settings).fetchManifest("1"));
}, 60_000);

test("a damaged blob is never a surprise, and never too long", async () => {
  using registry = startRegistry();
  const reference = registry.push("team/app", "1", image);
  await expectNoSurpriseFrom(registry, /blobs/, answerOf('ETag: "x"\r\n', image.config.bytes), async () => {
    const sink = new TestSink();
    await clientFor(reference, settings).downloadBlob(descriptor(image.config), sink, ANY);
    expect(sink.size()).toBe(image.config.size);
  });
}, 60_000);

test("a damaged challenge, token or redirect is never a surprise", async () => {
  using registry = startRegistry();
  using tokens = startTokenServer({ anonymous: true });
  const reference = registry.push("team/app", "1", image);
  registry.requireToken(tokens);
  const attempt = () => clientFor(reference, settings).fetchManifest("1");
  const challenge = `HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Bearer realm="${tokens.origin}/token",service="test",scope="repository:team/app:pull"\r\n\r\n`;
  await expectNoSurpriseFrom(registry, /manifests/, Buffer.from(challenge), attempt);
  registry.when({ path: /manifests/ }, (_request, usual) => usual());
  await expectNoSurpriseFrom(tokens, /token/, answerOf("", Buffer.from('{"token":"abcdef","expires_in":60}')), attempt);
  const redirect = `HTTP/1.1 307 There\r\nContent-Length: 0\r\nLocation: ${registry.origin}/v2/team/app/manifests/2\r\n\r\n`;
  await expectNoSurpriseFrom(registry, /manifests\/1/, Buffer.from(redirect), attempt);
}, 60_000);

test("nothing stays open, however a request ends", async () => {
  using registry = startRegistry();
  const reference = registry.push("team/app", "1", image);
  const short = { timeoutMs: 100, retryDelayMs: 0 };
  const round = async (): Promise<void> => {
    for (const behaviour of [silence(), stallAt(3), truncateAt(3), raw("junk\r\n\r\n")]) {
      registry.when({ path: /./ }, behaviour);
      await expectNoSurprise(clientFor(reference, short).fetchManifest("1"));
      const sink = new TestSink();
      sink.append = () => {
        throw new BunkerError("no-space", "full");
      };
      await expectNoSurprise(clientFor(reference, short).downloadBlob(descriptor(image.config), sink, ANY));
    }
  };
  await round();
  await Bun.sleep(200);
  const before = openFiles();
  for (let count = 0; count < 3; count += 1) await round();
  await Bun.sleep(300);
  expect(openFiles()).toBeLessThanOrEqual(before + 1);
}, 60_000);
