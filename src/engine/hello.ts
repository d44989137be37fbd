// The image inside the binary, localhost/hello:latest: brought into the store like any other, from assets instead of a registry.

import { readFileSync } from "node:fs";
import configPath from "../../dist/hello/config.json" with { type: "file" };
// @ts-expect-error: a file asset has no types; what it exports is its path.
import layerPath from "../../dist/hello/layer.tar" with { type: "file" };
import manifestPath from "../../dist/hello/manifest.json" with { type: "file" };
import { BunkerError } from "../errors.ts";
import { computeDigest, parseImageConfig, parseManifestDocument } from "../image/index.ts";
import type { ImageRecord } from "../store/index.ts";
import type { BlobSource } from "./download.ts";
import type { Engine } from "./engine.ts";
import { HELLO } from "./image-source.ts";
import type { OnPullEvent } from "./pull-event.ts";
import { storeImage } from "./store-image.ts";

const WHAT = "the embedded image";

/** Brings the embedded image into the store. */
export async function importHello(engine: Engine, onEvent: OnPullEvent): Promise<ImageRecord> {
  const [manifestBytes, configBytes, layer] = [manifestPath, configPath, layerPath].map(readAsset) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const manifest = parseManifestDocument(manifestBytes, WHAT);
  if (manifest.kind !== "manifest") throw new BunkerError("invalid-image", `${WHAT} is an index`);
  const [manifestDigest, id] = [computeDigest(manifestBytes), computeDigest(configBytes)];
  const source: BlobSource = {
    async downloadBlob(_descriptor, sink) {
      sink.restart();
      sink.append(layer);
    },
  };
  const image = {
    id,
    manifest,
    manifestDigest,
    config: parseImageConfig(configBytes, WHAT),
    documents: [
      { digest: manifestDigest, bytes: manifestBytes },
      { digest: id, bytes: configBytes },
    ],
    reference: { name: HELLO, digest: manifestDigest },
  };
  await storeImage(engine, image, {
    source,
    onEvent: (event) => event.kind === "warning" && onEvent(event),
    signal: new AbortController().signal,
  });
  return engine.store.images.byId(id);
}

/** The types of a JSON file are its content's; as an asset it exports its path. */
function readAsset(path: unknown): Uint8Array {
  return new Uint8Array(readFileSync(path as string));
}
