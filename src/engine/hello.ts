// The image inside the binary, localhost/hello:latest: brought into the store like any other, from assets instead of a registry.

import { readFileSync } from "node:fs";
import configPath from "../../dist/hello/config.json" with { type: "file" };
// @ts-expect-error: a file asset has no types; what it exports is its path.
import layerPath from "../../dist/hello/layer.tar" with { type: "file" };
import manifestPath from "../../dist/hello/manifest.json" with { type: "file" };
import { BunkerError } from "../errors.ts";
import {
  computeDigest,
  type Digest,
  type ImageConfig,
  type Manifest,
  parseImageConfig,
  parseManifestDocument,
} from "../image/index.ts";
import type { ImageRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { changeImages } from "./image-change.ts";
import { HELLO } from "./image-source.ts";
import { materialize } from "./materialize.ts";
import type { OnPullEvent } from "./pull-event.ts";

/** Brings the embedded image into the store. */
export async function importHello(engine: Engine, onEvent: OnPullEvent): Promise<ImageRecord> {
  const [manifestBytes, configBytes, layer] = [manifestPath, configPath, layerPath].map(readAsset) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const manifest = parseManifestDocument(manifestBytes, "the embedded image");
  if (manifest.kind !== "manifest") throw new BunkerError("invalid-image", "the embedded image is an index");
  const config = parseImageConfig(configBytes, "the embedded image");
  const documents = [manifestBytes, configBytes, layer].map((bytes) => ({ digest: computeDigest(bytes), bytes }));
  return changeImages(engine, async () => {
    const { blobs, garbage, layout } = engine.store;
    // First of all: the layer is unpacked from the store.
    garbage.announce(documents.map(({ digest }) => layout.relative(layout.blob(digest))));
    for (const { digest, bytes } of documents) blobs.write(digest, bytes);
    return bring(engine, { manifest, config, configBytes, documents, onEvent });
  });
}

interface Hello {
  manifest: Manifest;
  config: ImageConfig;
  configBytes: Uint8Array;
  /** The manifest's (first), the config's and the layer's bytes. */
  documents: { digest: Digest; bytes: Uint8Array }[];
  onEvent: OnPullEvent;
}

async function bring(engine: Engine, hello: Hello): Promise<ImageRecord> {
  const { manifest, config, configBytes, documents, onEvent } = hello;
  const { images } = engine.store;
  const layers = await materialize(engine, {
    manifest,
    config,
    source: null,
    onEvent: (event) => event.kind === "warning" && onEvent(event),
  });
  try {
    layers.settle([]);
    const digest = documents[0]?.digest as Digest;
    const id = manifest.config.digest;
    images.commit(
      {
        id,
        manifest: digest,
        config: new TextDecoder().decode(configBytes),
        createdAt: config.created,
        blobs: documents.map((document) => ({ digest: document.digest, size: document.bytes.byteLength })),
        map: layers.map,
        layers: layers.records,
      },
      { name: HELLO, digest },
    );
    return images.byId(id);
  } finally {
    layers.release();
  }
}

/** The types of a JSON file are its content's; as an asset it exports its path. */
function readAsset(path: unknown): Uint8Array {
  return new Uint8Array(readFileSync(path as string));
}
