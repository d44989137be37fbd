// The image inside the binary, localhost/hello:latest: brought into the store like any other, from assets instead of a registry.

import { readFileSync } from "node:fs";
import configPath from "../../dist/hello/config.json" with { type: "file" };
// @ts-expect-error: a file asset has no types; what it exports is its path.
import layerPath from "../../dist/hello/layer.tar" with { type: "file" };
import manifestPath from "../../dist/hello/manifest.json" with { type: "file" };
import { BunkerError } from "../errors.ts";
import { computeDigest, parseImageConfig, parseManifestDocument } from "../image/index.ts";
import type { ImageRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
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
  const { blobs, images } = engine.store;
  for (const bytes of [manifestBytes, configBytes, layer]) blobs.write(computeDigest(bytes), bytes);
  const layers = await materialize(engine, {
    manifest,
    config,
    source: null,
    onEvent: (event) => event.kind === "warning" && onEvent(event),
  });
  try {
    layers.settle();
    const digest = computeDigest(manifestBytes);
    const id = computeDigest(configBytes);
    images.commit(
      {
        id,
        manifest: digest,
        config,
        createdAt: config.created,
        blobs: [manifestBytes, configBytes, layer].map((bytes) => ({
          digest: computeDigest(bytes),
          size: bytes.byteLength,
        })),
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
