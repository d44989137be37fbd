import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { chooseFromIndex, type Digest, parseImageConfig, parseManifestDocument } from "../../../src/image/index.ts";
import { TestAuthority } from "../../support/authority.ts";
import { makeDirectory, type TestDirectory } from "../../support/directory.ts";
import { type Image, makeImage, makeIndex, makeLayer, sha256 } from "../../support/image.ts";
import { describeWith } from "../../support/program.ts";
import { RealRegistry } from "../../support/real-registry.ts";
import { directory, file } from "../../support/tar.ts";
import { authFileOf, clientFor, descriptor, expectFailure, fetchReference, TestSink } from "./client.ts";

const image = makeImage({
  layers: [
    makeLayer([directory("etc"), file("etc/motd", "hello")]),
    makeLayer([file("etc/random", crypto.getRandomValues(new Uint8Array(60_000)))], { compression: "zstd" }),
  ],
  run: { Cmd: ["cat", "/etc/motd"] },
});
const ANY = new AbortController().signal;

/** Pulls a whole image as the engine does: manifest, config, layers. */
async function pullWhole(
  reference: string,
  expected: Image,
  changes: Parameters<typeof clientFor>[1] = {},
): Promise<void> {
  const client = clientFor(reference, changes);
  const { bytes, digest } = await client.fetchManifest(reference.split(":").at(-1) ?? "");
  expect(digest as string).toBe(expected.manifest.digest);
  const manifest = parseManifestDocument(bytes, "manifest");
  if (manifest.kind !== "manifest") throw new Error("not a manifest");
  expect(parseImageConfig(await client.fetchSmallBlob(manifest.config), "config").cmd).toEqual(["cat", "/etc/motd"]);
  for (const layer of manifest.layers) {
    const sink = new TestSink();
    await client.downloadBlob(layer, sink, ANY);
    expect(sha256(sink.bytes())).toBe(layer.digest);
  }
}

describeWith(["docker-registry", "skopeo"], "docker-registry, filled by skopeo", () => {
  let registry: RealRegistry;
  beforeAll(async () => {
    registry = await RealRegistry.start();
  });
  afterAll(async () => await registry.stop());

  test("gives an image, whole", async () => {
    await pullWhole(await registry.push("team/app", "1", image), image);
  });

  test("gives an index, and the manifest in it by digest", async () => {
    const other = makeImage({ layers: [makeLayer([file("a")])], platform: { os: "linux", architecture: "s390x" } });
    const reference = await registry.push("team/multi", "1", makeIndex([other, image]));
    const { bytes } = await clientFor(reference).fetchManifest("1");
    const index = parseManifestDocument(bytes, "index");
    if (index.kind !== "index") throw new Error("not an index");
    const [entry] = chooseFromIndex(index, { os: "linux", architecture: "s390x", variant: null });
    expect((await clientFor(reference).fetchManifest(entry?.digest ?? "")).digest as string).toBe(
      other.manifest.digest,
    );
  });

  test("gives the rest of a layer", async () => {
    const reference = await registry.push("team/app", "1", image);
    const [, layer] = image.layers;
    if (layer === undefined) throw new Error("no layer");
    const sink = new TestSink(layer.bytes.subarray(0, 30_000));
    await clientFor(reference).downloadBlob(descriptor(layer), sink, ANY);
    expect(sink.restarts).toBe(0);
    expect(sha256(sink.bytes())).toBe(layer.digest);
  });

  test("says what it does not have", async () => {
    const reference = await registry.push("team/app", "1", image);
    await expectFailure(
      clientFor(reference).fetchManifest("nosuch"),
      "not-found",
      "/team/app:nosuch not found: manifest unknown: manifest unknown",
    );
    await expectFailure(fetchReference(`${registry.host}/no/such:1`), "not-found", "not found");
    await expectFailure(clientFor(reference).fetchManifest(sha256("nothing")), "not-found", "manifest unknown");
    await expectFailure(
      clientFor(reference).fetchSmallBlob({ digest: sha256("nothing") as Digest, size: 7 }),
      "not-found",
      "blob unknown",
    );
  });
});

describeWith(["docker-registry", "skopeo", "htpasswd", "openssl"], "docker-registry with a login and TLS", () => {
  let authority: TestAuthority;
  let registry: RealRegistry;
  let reference: string;
  let home: TestDirectory;
  beforeAll(async () => {
    authority = await TestAuthority.create();
    registry = await RealRegistry.start({ users: { alice: "secret" }, tls: await authority.issue() });
    reference = await registry.push("team/app", "1", image);
    home = makeDirectory();
    await home.write(`.docker/certs.d/${registry.host}/ca.crt`, authority.cert);
  });
  afterAll(async () => {
    await registry.stop();
    authority.remove();
    home.remove();
  });
  afterEach(async () => await home.write(".docker/config.json", "{}"));

  test("gives an image to who may have it", async () => {
    await home.write(".docker/config.json", authFileOf({ [registry.host]: "alice:secret" }));
    await pullWhole(reference, image, { home: home.path, tlsVerify: true });
  });

  test("gives nothing to others", async () => {
    await expectFailure(
      fetchReference(reference, { home: home.path, tlsVerify: true }),
      "unauthorized",
      "no basic auth credentials",
    );
    await home.write(".docker/config.json", authFileOf({ [registry.host]: "alice:wrong" }));
    await expectFailure(
      fetchReference(reference, { home: home.path, tlsVerify: true }),
      "unauthorized",
      "incorrect username or password",
    );
  });

  test("is not trusted without its authority, and is on loopback", async () => {
    await expectFailure(fetchReference(reference, { tlsVerify: true }), "network", "unknown authority");
    const authFile = await home.write("auth.json", authFileOf({ [registry.host]: "alice:secret" }));
    await pullWhole(reference, image, { authFile });
  });
});
