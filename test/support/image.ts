// Makes images, in memory: layers from tar entries, a config and a manifest that fit them, indexes of several platforms;
// each part can be replaced by a wrong one.

import { type TarEntry, makeTar } from "./tar.ts";

/** Bytes and how they are called. */
export interface Blob {
  bytes: Uint8Array;
  digest: string;
  mediaType: string;
  size: number;
}

export interface Layer extends Blob {
  /** Digest of the archive before compression. */
  diffId: string;
}

export interface Image {
  kind: "image";
  manifest: Blob;
  config: Blob;
  layers: Layer[];
  platform: { os: string; architecture: string; variant?: string };
}

export interface Index {
  kind: "index";
  manifest: Blob;
  images: (Image | Index)[];
}

export type Family = "oci" | "docker";
export type Compression = "gzip" | "zstd" | "none";

const TYPES = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: {
      gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
      zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
      none: "application/vnd.oci.image.layer.v1.tar",
    },
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: {
      gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
      zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
      none: "application/vnd.docker.image.rootfs.diff.tar",
    },
  },
} as const;

export function sha256(bytes: string | Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

export function makeBlob(content: string | Uint8Array, mediaType: string): Blob {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { bytes, digest: sha256(bytes), mediaType, size: bytes.byteLength };
}

function makeJson(document: unknown, mediaType: string): Blob {
  return makeBlob(JSON.stringify(document), mediaType);
}

/** What a manifest says of a blob. */
export function descriptorOf({ mediaType, digest, size }: Blob): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size };
}

function compress(bytes: Uint8Array, compression: Compression): Uint8Array {
  if (compression === "none") return bytes;
  // Copied into a buffer of its own, as the compressors' types demand.
  const copy = new Uint8Array(bytes);
  return compression === "gzip" ? Bun.gzipSync(copy) : Bun.zstdCompressSync(copy);
}

/** A layer of tar entries, or of archive bytes as they are. */
export function makeLayer(
  entries: readonly (TarEntry | Uint8Array)[] | Uint8Array,
  options: { compression?: Compression; family?: Family } = {},
): Layer {
  const { compression = "gzip", family = "oci" } = options;
  const archive = entries instanceof Uint8Array ? entries : makeTar(entries);
  return { ...makeBlob(compress(archive, compression), TYPES[family].layer[compression]), diffId: sha256(archive) };
}

export interface ImageOptions {
  layers?: Layer[];
  family?: Family;
  platform?: Image["platform"];
  /** The config's `config`: Cmd, Env, … */
  run?: Record<string, unknown>;
  /** Put over the config and the manifest, last. */
  config?: Record<string, unknown>;
  manifest?: Record<string, unknown>;
}

const HOST_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64" };

export function hostPlatform(): Image["platform"] {
  return { os: "linux", architecture: HOST_ARCHITECTURES[process.arch] ?? process.arch };
}

export function makeImage(options: ImageOptions = {}): Image {
  const { layers = [], family = "oci", platform = hostPlatform() } = options;
  const types = TYPES[family];
  const config = makeJson(
    {
      created: "2026-01-02T03:04:05Z",
      ...platform,
      config: options.run ?? {},
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created_by: "test" })),
      ...options.config,
    },
    types.config,
  );
  const document = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
    ...options.manifest,
  };
  return { kind: "image", manifest: makeJson(document, types.manifest), config, layers, platform };
}

/** An index of images (each with its platform) and of further indexes. */
export function makeIndex(
  images: (Image | Index)[],
  options: { family?: Family; index?: Record<string, unknown> } = {},
): Index {
  const types = TYPES[options.family ?? "oci"];
  const manifests = images.map((image) => ({
    ...descriptorOf(image.manifest),
    ...(image.kind === "image" ? { platform: image.platform } : {}),
  }));
  return {
    kind: "index",
    manifest: makeJson({ schemaVersion: 2, mediaType: types.index, manifests, ...options.index }, types.index),
    images,
  };
}
