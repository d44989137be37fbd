// A registry that is slow, restless, broken or lying: what passes is ridden out, everything else ends in one line with a hint,
// exit code 1, and a store that is as it was.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

import {
  bend,
  claimLength,
  endless,
  fail,
  ignoreRange,
  inTurn,
  raw,
  redirect,
  replaceBody,
  resetAt,
  stallAt,
  tooManyRequests,
  truncateAt,
  withHeader,
} from "../support/behaviour.ts";
import { TestEnv } from "../support/environment.ts";
import { requires, whenLong } from "../support/guards.ts";
import { type Blob, descriptorOf, type Image, makeBlob, makeImage, makeIndex, makeLayer } from "../support/image.ts";
import { Invariants } from "../support/invariants.ts";
import { startBlobHost, startRegistry, startTokenServer, type TestRegistry } from "../support/registry.ts";
import type { Behaviour } from "../support/scripted-server.ts";
import { listing } from "../support/store-dump.ts";
import { file } from "../support/tar.ts";

const it = requires("root", "bunker", "subids", "userns");
const usable = it === test;

const random = (size: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  // 64 KiB are the most that are given at once.
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};
const small = makeLayer([file("etc/small", "small")]);
const large = makeLayer([file("large", random(1_000_000))]);
const image = makeImage({ layers: [small, large] });
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
/** A line that names the image, and a hint; nothing that a terminal would obey. */
const TWO_LINES = /^bunker: pulling "[^"\n]+": [^\n]+\nhint: [^\n]+\n$/;

let env: TestEnv;
let watch: Invariants;
beforeAll(async () => {
  if (!usable) return;
  env = await TestEnv.create();
  watch = await Invariants.watch(env);
});
afterAll(async () => {
  if (usable) await env[Symbol.asyncDispose]();
});

async function expectRefused(reference: string, message: string): Promise<void> {
  const { code, stdout, stderr } = await env.run(["pull", reference]);
  expect([message, code, stderr]).toEqual([message, 1, expect.stringContaining(message)]);
  expect(stderr).toMatch(TWO_LINES);
  expect(stderr).not.toMatch(/undefined|\[object|[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(stdout).not.toContain("Status:");
  await watch.check({ outputs: [stdout, stderr], unchanged: true });
}

async function expectPulled(reference: string): Promise<string> {
  const output = await env.ok(["pull", reference]);
  await env.ok(["rmi", reference]);
  await watch.check({ unchanged: true });
  return output;
}

/** Ignores what part was asked for, and does not get as far as that. */
const truncatedAnew: Behaviour = (request, usual) =>
  truncateAt(100_000)(request, async () => ignoreRange()(request, usual));

/** Each case has a registry of its own, with the image in it. */
async function withRegistry(use: (registry: TestRegistry, reference: string) => Promise<void>): Promise<void> {
  using registry = startRegistry();
  await use(registry, registry.push("team/app", "1", image));
  for (const name of listing(join(env.dataHome, "partial")))
    await env.startOther(["rm", "-f", join(env.dataHome, "partial", name)]).result();
}

describe("what passes is ridden out", () => {
  it("failures of a moment: 503, 429 with Retry-After, a connection that breaks", async () => {
    await withRegistry(async (registry, reference) => {
      registry.when({ path: /manifests/ }, fail(503), { times: 1 });
      registry.when({ path: new RegExp(small.digest) }, tooManyRequests("1"), { times: 1 });
      registry.when({ path: new RegExp(image.config.digest) }, resetAt(10), { times: 1 });
      const started = performance.now();
      const output = await expectPulled(reference);
      expect(performance.now() - started).toBeGreaterThan(1000);
      expect(output).toMatch(/^[0-9a-f]{12}: Retrying \(toomanyrequests: .*\)$/m);
    });
  });

  it("a layer that is cut off is gone on with where it ended", async () => {
    await withRegistry(async (registry, reference) => {
      registry.when(
        { path: new RegExp(large.digest) },
        inTurn(
          truncateAt(300_000),
          resetAt(200_000),
          bend((usual) => usual),
        ),
      );
      await expectPulled(reference);
      const ranges = registry.requestsTo(new RegExp(large.digest)).map(({ headers }) => headers["range"]);
      expect(ranges).toHaveLength(3);
      expect(ranges[0]).toBeUndefined();
      expect(ranges[1]).toBe("bytes=300000-");
      expect(ranges[2]).toMatch(/^bytes=(?!300000-)[345]\d{5}-$/);
    });
  });

  it.each([
    ["gives the whole again", ignoreRange()],
    ["says there is no such part", fail(416)],
    ["gives another part", withHeader("Content-Range", "bytes 5-10/1000000")],
    // What comes again was skipped by count, and what came after the break then was, too.
    ["begins anew, and breaks before it was as far again", truncatedAnew],
  ] as const)("a registry that cannot go on, and %s", async (_what, again) => {
    await withRegistry(async (registry, reference) => {
      registry.when(
        { path: new RegExp(large.digest) },
        inTurn(
          truncateAt(300_000),
          again,
          truncateAt(500_000),
          bend((usual) => usual),
        ),
      );
      await expectPulled(reference);
    });
  });

  it("tokens, also when they run out on the way; they stay with the registry", async () => {
    await withRegistry(async (registry, reference) => {
      using tokens = startTokenServer({ anonymous: true });
      using blobs = startBlobHost(registry);
      registry.requireToken(tokens);
      registry.when({ path: /manifests/ }, async (_request, usual) => {
        const answer = await usual();
        if (answer.status === undefined) tokens.revokeAll();
        return answer;
      });
      await expectPulled(reference);
      expect(tokens.requests.length).toBeGreaterThan(1);
      expect(blobs.requests.length).toBeGreaterThanOrEqual(3);
      expect(blobs.requests.filter(({ headers }) => headers["authorization"] !== undefined)).toEqual([]);
    });
  });
});

// A minute of silence is what ends a connection.
whenLong(() =>
  it("a registry that falls silent is left, and gone on with where it stopped", async () => {
    await withRegistry(async (registry, reference) => {
      registry.when({ path: new RegExp(large.digest) }, stallAt(300_000), { times: 1 });
      const { code, stdout } = await env.run(["pull", reference], { timeoutMs: 110_000 });
      expect([code, stdout]).toEqual([0, expect.stringMatching(/Retrying \(reading from .*: no data for 60 s/)]);
      expect(registry.requestsTo(new RegExp(large.digest)).map(({ headers }) => headers["range"])).toEqual([
        undefined,
        "bytes=300000-",
      ]);
      await env.ok(["rmi", reference]);
    });
  }),
);

/** What the registry answers to the requests for one kind of thing, and what is said of it. */
const MISBEHAVIOUR: [path: RegExp, behaviour: Behaviour, message: string][] = [
  [
    /manifests/,
    fail(401),
    "pull access denied for HOST/team/app, repository does not exist or may require 'docker login'",
  ],
  [/manifests/, fail(403, { code: "DENIED", message: "no\u001b[31mway" }), "pull access denied for HOST/team/app"],
  [
    /manifests/,
    fail(404, { code: "MANIFEST_UNKNOWN", message: "manifest unknown" }),
    "manifest for HOST/team/app:1 not found: manifest unknown",
  ],
  [
    /manifests/,
    fail(404, { code: "NAME_UNKNOWN", message: "x" }),
    "repository HOST/team/app not found: name unknown: x",
  ],
  [/manifests/, fail(400, { body: "<html>" }), 'registry "HOST" answered with status 400'],
  [
    /manifests/,
    tooManyRequests("100000"),
    "toomanyrequests: You have reached your pull rate limit (it asks to wait 100000 s)",
  ],
  [/manifests/, fail(501), "answered with status 501"],
  [/manifests/, redirect("file:///etc/passwd"), "redirects to "],
  [/manifests/, redirect("http://169.254.169.254/latest"), "redirects to "],
  [/manifests/, redirect("/v2/team/app/manifests/1"), "redirected more than 10 times"],
  [/manifests/, raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), "not valid HTTP"],
  [/manifests/, replaceBody("<html>Sign in</html>"), "content does not match its digest"],
  [/manifests/, withHeader("Docker-Content-Digest", `sha256:${"0".repeat(64)}`), "content does not match its digest"],
  [/manifests/, claimLength(5_000_000), "sent more than 4194304 bytes"],
  [/manifests/, endless(), "sent more than 4194304 bytes"],
  [/blobs\/sha256:CONFIG/, replaceBody("x".repeat(image.config.size)), "content does not match its digest"],
  [/blobs\/sha256:CONFIG/, fail(404, { code: "BLOB_UNKNOWN", message: "gone" }), "not found: blob unknown: gone"],
  [/blobs\/sha256:LARGE/, fail(404), "not found: blob unknown"],
  [/blobs\/sha256:LARGE/, fail(403), "pull access denied"],
  [
    /blobs\/sha256:LARGE/,
    replaceBody(random(large.size)),
    `layer ${large.digest.slice(0, 19)}: the blob's digest is sha256:`,
  ],
  [
    /blobs\/sha256:LARGE/,
    bend((answer) => ({ ...answer, body: (answer.body ?? "").slice(0, 1000) })),
    "bytes before its size",
  ],
  [
    /blobs\/sha256:LARGE/,
    raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    "not valid HTTP",
  ],
];

describe("what does not pass is refused", () => {
  it("errors, lies and nonsense in place of answers", async () => {
    for (const [path, behaviour, message] of MISBEHAVIOUR) {
      const source = path.source.replace("sha256:CONFIG", image.config.digest).replace("sha256:LARGE", large.digest);
      await withRegistry(async (registry, reference) => {
        registry.when({ path: new RegExp(source) }, behaviour);
        await expectRefused(reference, message.replace("HOST", registry.host));
      });
    }
  });

  const layer = descriptorOf(small);
  const config = descriptorOf(image.config);
  const manifest = (document: object, mediaType = OCI_MANIFEST): Blob =>
    makeBlob(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer], ...document }), mediaType);
  const index = (manifests: unknown[]): Blob =>
    makeBlob(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX);
  const EMPTY_DESCRIPTOR = { mediaType: OCI_MANIFEST, digest: `sha256:${"0".repeat(64)}`, size: 3 };

  it("manifests that are none, two things at once, or beyond all measure", async () => {
    using registry = startRegistry();
    registry.push("team/app", "1", image);
    const cases: [Blob, string][] = [
      [manifest({ manifests: [] }), "claims to be both a manifest and an index"],
      [manifest({ mediaType: OCI_INDEX }), "does not fit its content"],
      [manifest({ fsLayers: [] }), "mixes schema 1 and schema 2"],
      [
        makeBlob(JSON.stringify({ schemaVersion: 1, fsLayers: [] }), OCI_MANIFEST),
        "schema 1 format is no longer supported",
      ],
      [manifest({ schemaVersion: 3 }), "schema version is not 2"],
      [manifest({ layers: Array.from({ length: 501 }, () => layer) }), "more than 500 layers"],
      [manifest({ layers: [{ ...layer, digest: "sha256:../../etc/passwd" }] }), "invalid checksum digest"],
      [manifest({ layers: [{ ...layer, digest: `sha512:${"0".repeat(128)}` }] }), "is not sha256"],
      [manifest({ layers: [{ ...layer, size: -1 }] }), "size is missing or not valid"],
      [manifest({ layers: [{ ...layer, size: 1e300 }] }), "size is missing or not valid"],
      [
        manifest({ layers: [{ ...layer, urls: ["http://169.254.169.254/"] }] }),
        'content kept at another place ("urls")',
      ],
      [manifest({ layers: [{ ...layer, mediaType: "application/x-evil" }] }), "is not a layer we can unpack"],
      [
        manifest({ config: { ...config, mediaType: "application/vnd.cncf.helm.config.v1+json" } }),
        "not a container image but an artifact",
      ],
      [manifest({ config: { ...config, size: 5_000_000 } }), "larger than 4194304 bytes"],
      [manifest({ subject: { ...EMPTY_DESCRIPTOR, digest: "sha256:x" } }), "subject: invalid checksum digest"],
      [manifest({ config: null }), "neither a manifest nor an index"],
      [makeBlob('{"schemaVersion":2,"schemaVersion":2}', OCI_MANIFEST), "appears twice"],
      [makeBlob("[]", OCI_MANIFEST), "not a JSON object"],
      [makeBlob("", OCI_MANIFEST), "not valid JSON"],
      [makeBlob(`${"[".repeat(100)}${"]".repeat(100)}`, OCI_MANIFEST), "nested deeper than 64"],
      [index(Array.from({ length: 1001 }, () => EMPTY_DESCRIPTOR)), "more than 1000 entries"],
      [index([{ ...EMPTY_DESCRIPTOR, platform: { os: "../../x", architecture: "amd64" } }]), "platform is not valid"],
      [index([]), "no matching manifest for "],
    ];
    for (const [document, message] of cases) {
      await expectRefused(registry.pushManifest("team/app", crypto.randomUUID(), document), message);
    }
    // Only the manifest was ever asked for.
    expect(registry.requestsTo(/blobs/)).toEqual([]);
  });

  it("indexes in indexes in indexes", async () => {
    using registry = startRegistry();
    let deepest: ReturnType<typeof makeIndex> | Image = image;
    for (let depth = 0; depth < 5; depth += 1) deepest = makeIndex([deepest]);
    await expectRefused(registry.push("team/deep", "5", deepest), "indexes nested deeper than 4 levels");
    let deep: ReturnType<typeof makeIndex> | Image = image;
    for (let depth = 0; depth < 4; depth += 1) deep = makeIndex([deep]);
    await expectPulled(registry.push("team/deep", "4", deep));
  });

  it("indexes that lead to ever more indexes", async () => {
    using registry = startRegistry();
    const foreign = (at: number): Image => makeImage({ platform: { os: "linux", architecture: `a${at}` } });
    const empty = (at: number) => makeIndex([foreign(at)], { index: { manifests: [], annotations: { at: `${at}` } } });
    const wide = (at: number) => makeIndex(Array.from({ length: 40 }, (_, below) => empty(40 * at + below)));
    const wider = makeIndex(Array.from({ length: 40 }, (_, at) => wide(at)));
    await expectRefused(registry.push("team/wide", "1", wider), "its indexes have together more than 1000 entries");
    // The same one many times is looked into once.
    registry.requests.length = 0;
    const same = makeIndex(Array.from({ length: 500 }, () => empty(1)));
    await expectRefused(registry.push("team/same", "1", same), "no matching manifest for ");
    expect(registry.requestsTo(/manifests/)).toHaveLength(2);
  });

  it("configs that do not fit, or are none", async () => {
    using registry = startRegistry();
    const rootfs = (ids: string[]) => ({ rootfs: { type: "layers", diff_ids: ids } });
    const cases: [Image, string][] = [
      [makeImage({ layers: [small], config: rootfs([]) }), "manifest has 1 layers, config 0"],
      [makeImage({ layers: [small], config: rootfs([small.diffId, large.diffId]) }), "manifest has 1 layers, config 2"],
      [
        makeImage({ layers: [small], config: rootfs([large.diffId]) }),
        `its plain archive has digest ${small.diffId}, not ${large.diffId}`,
      ],
      [makeImage({ layers: [small], config: rootfs(["sha256:../../x"]) }), "layer 1: invalid checksum digest"],
      [
        makeImage({ layers: [small], config: { rootfs: { type: "magic", diff_ids: [small.diffId] } } }),
        "root file system is not made of layers",
      ],
      [makeImage({ layers: [small], config: { rootfs: null } }), '"rootfs" is not an object'],
      [makeImage({ layers: [small], config: { os: "../../x" } }), "platform is not valid"],
      [makeImage({ layers: [small], config: { history: "long" } }), '"history" is not a list'],
      [makeImage({ layers: [small], run: { Env: "A=1" } }), '"Env" is not a list'],
      [makeImage({ layers: [small], run: { Env: [1] } }), '"Env" is not a list of strings'],
      [makeImage({ layers: [small], run: { Env: [`A=${"x".repeat(200_000)}`] } }), "environment is too large"],
      [
        makeImage({ layers: [small], run: { Env: Array.from({ length: 5000 }, (_, at) => `A${at}=`) } }),
        "more than 4096 environment entries",
      ],
      [makeImage({ layers: [small], run: { Labels: { a: 1 } } }), 'label "a" is not a string'],
      [makeImage({ layers: [small], run: { Labels: { a: "x".repeat(70_000) } } }), "labels are too large"],
      [makeImage({ layers: [small], run: { Cmd: ["a\0b"] } }), '"Cmd" is not free of NUL characters'],
      [makeImage({ layers: [small], run: { Cmd: {} } }), '"Cmd" is not a list'],
      [makeImage({ layers: [small], run: { Volumes: ["/data"] } }), '"Volumes" is not an object'],
      [makeImage({ layers: [small], config: { config: [] } }), '"config" is not an object'],
    ];
    for (const [content, message] of cases)
      await expectRefused(registry.push("team/config", crypto.randomUUID(), content), message);
    for (const [text, message] of [
      ["null", "not a JSON object"],
      ["7", "not a JSON object"],
      ["\ufeff{}", "not valid JSON"],
      ['{"__proto__": {}}', '"__proto__" is not allowed'],
    ] as const) {
      const blob = makeBlob(text, config.mediaType);
      registry.addBlob(blob);
      const document = manifest({ config: descriptorOf(blob) });
      await expectRefused(registry.pushManifest("team/config", crypto.randomUUID(), document), message);
    }
  });

  it("the same bytes mean the same, whatever the Content-Type", async () => {
    const both = makeIndex([image]);
    for (const type of [OCI_MANIFEST, OCI_INDEX, "application/json", "text/html", "\u00ff", null]) {
      await withRegistry(async (registry) => {
        const reference = registry.push("team/index", "1", both);
        registry.when({ path: /manifests/ }, withHeader("Content-Type", type));
        await expectPulled(reference);
        await expectPulled(registry.push("team/app", "1", image));
      });
    }
  });

  it("what an image may say and means nothing is taken, with a warning or without", async () => {
    using registry = startRegistry();
    const odd = makeImage({
      layers: [small],
      run: {
        StopSignal: "SIGFOO",
        WorkingDir: "relative/../x",
        User: "\u0000",
        Healthcheck: { Interval: -1 },
        Volumes: { relative: {} },
      },
      config: { created: "+1000000-01-01", history: [{ empty_layer: true }, {}, {}, {}], variant: "v1" },
    });
    await expectPulled(registry.push("team/odd", "1", odd));
  });
});
