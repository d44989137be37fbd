// Descriptors (media type, digest, size) and what our media types mean. A descriptor that was parsed here is safe to
// fetch: its digest is sha256, its size is bounded, and it names no other place to fetch it from.

import { BunkerError } from "../errors.ts";
import { type Digest, parseContentDigest } from "./digest.ts";
import { isJsonObject, type JsonObject, MAX_DOCUMENT_BYTES } from "./json.ts";
import { type Platform, platformFromDocument } from "./platform.ts";

export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  /** Of an index entry that says so. */
  platform: Platform | null;
}

export type Compression = "gzip" | "zstd" | "none";

export interface LayerDescriptor extends Descriptor {
  compression: Compression;
}

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";

export const INDEX_MEDIA_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST]);
export const MANIFEST_MEDIA_TYPES: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST]);
/** `application/octet-stream` was written by early clients for docker's config. */
export const CONFIG_MEDIA_TYPES: ReadonlySet<string> = new Set([OCI_CONFIG, DOCKER_CONFIG, "application/octet-stream"]);

const LAYER_PREFIXES = [
  "application/vnd.oci.image.layer.v1.tar",
  "application/vnd.oci.image.layer.nondistributable.v1.tar",
  "application/vnd.docker.image.rootfs.diff.tar",
  "application/vnd.docker.image.rootfs.foreign.diff.tar",
];
const COMPRESSION_SUFFIXES: Readonly<Record<string, Compression>> = {
  "": "none",
  "+gzip": "gzip",
  ".gzip": "gzip",
  "+zstd": "zstd",
  ".zstd": "zstd",
};
/** RFC 6838's restricted names, with room for a parameterless type only. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

function field(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Reads one descriptor. `what` opens the message, as in `manifest: layer 3`. Throws `invalid-image`. */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  if (!isJsonObject(value)) throw new BunkerError("invalid-image", `${what}: not a descriptor`);
  const mediaType = field(value, "mediaType");
  if (typeof mediaType !== "string" || !MEDIA_TYPE.test(mediaType)) {
    throw new BunkerError("invalid-image", `${what}: media type is missing or not valid`);
  }
  const digest = parseContentDigest(field(value, "digest"), what);
  const size = field(value, "size");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new BunkerError("invalid-image", `${what}: size is missing or not valid`);
  }
  const urls = field(value, "urls");
  if (urls !== undefined && urls !== null && !(Array.isArray(urls) && urls.length === 0)) {
    throw new BunkerError("unsupported", `${what}: content kept at another place ("urls") is not fetched`);
  }
  const platform = field(value, "platform");
  return { mediaType, digest, size, platform: isJsonObject(platform) ? platformFromDocument(platform, what) : null };
}

/** As `parseDescriptor`, for a JSON document that we read into memory. */
export function parseDocumentDescriptor(value: unknown, what: string): Descriptor {
  const descriptor = parseDescriptor(value, what);
  if (descriptor.size > MAX_DOCUMENT_BYTES) {
    throw new BunkerError("invalid-image", `${what}: larger than ${MAX_DOCUMENT_BYTES} bytes`);
  }
  return descriptor;
}

/** As `parseDescriptor`, for a layer: its media type must be one we can unpack. */
export function parseLayerDescriptor(value: unknown, what: string): LayerDescriptor {
  const descriptor = parseDescriptor(value, what);
  const compression = layerCompression(descriptor.mediaType);
  if (compression === null) {
    throw new BunkerError("unsupported", `${what}: media type "${descriptor.mediaType}" is not a layer we can unpack`);
  }
  return { ...descriptor, compression };
}

/** How a layer of this media type is compressed; null when it is no layer type we know (encrypted ones included). */
export function layerCompression(mediaType: string): Compression | null {
  const prefix = LAYER_PREFIXES.find((candidate) => mediaType.startsWith(candidate));
  if (prefix === undefined) return null;
  const suffix = mediaType.slice(prefix.length);
  return Object.hasOwn(COMPRESSION_SUFFIXES, suffix) ? (COMPRESSION_SUFFIXES[suffix] ?? null) : null;
}
