// Manifests and indexes, OCI's and docker's, told apart by what is in them and never by a Content-Type header, so that the
// same bytes mean the same everywhere (security.md V74). Bytes in, checked plain data out.

import { BunkerError } from "../errors.ts";
import {
  CONFIG_MEDIA_TYPES,
  type Descriptor,
  INDEX_MEDIA_TYPES,
  type LayerDescriptor,
  MANIFEST_MEDIA_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
  parseDescriptor,
  parseDocumentDescriptor,
  parseLayerDescriptor,
} from "./descriptor.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "./json.ts";
import { formatPlatform, type Platform, rankByPlatform } from "./platform.ts";

export interface Manifest {
  kind: "manifest";
  mediaType: string;
  config: Descriptor;
  /** Bottom first. */
  layers: LayerDescriptor[];
}

export interface Index {
  kind: "index";
  mediaType: string;
  manifests: Descriptor[];
}

/** Overlayfs stacks no more (OVL_MAX_STACK). */
export const MAX_LAYERS = 500;
export const MAX_INDEX_DESCRIPTORS = 1000;
/** An index may point to indexes; deeper than this is an attack, not an image. */
export const MAX_INDEX_DEPTH = 4;

const REPUBLISH = "Pull a newer tag, or ask its publisher to push the image again with a current tool.";

function optionalList(document: JsonObject, name: string, what: string): unknown[] | null {
  const value = document[name];
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) throw new BunkerError("invalid-image", `${what}: "${name}" is not a list`);
  return value;
}

/** Refuses version 1, which has neither digests of layers as they are nor a config. */
function ensureVersion(document: JsonObject, what: string): void {
  const version = document["schemaVersion"];
  if (version === 1) {
    throw new BunkerError("unsupported", `${what}: docker's schema 1 format is no longer supported`, {
      hint: REPUBLISH,
    });
  }
  if (version !== 2) throw new BunkerError("invalid-image", `${what}: schema version is not 2`);
}

function declaredType(document: JsonObject, allowed: ReadonlySet<string>, assumed: string, what: string): string {
  const mediaType = document["mediaType"];
  if (mediaType === undefined) return assumed;
  if (typeof mediaType === "string" && allowed.has(mediaType)) return mediaType;
  throw new BunkerError(
    "invalid-image",
    `${what}: media type ${JSON.stringify(mediaType)?.slice(0, 200)} does not fit its content`,
  );
}

function parseIndex(document: JsonObject, entries: unknown[], what: string): Index {
  const mediaType = declaredType(document, INDEX_MEDIA_TYPES, OCI_INDEX, what);
  if (entries.length > MAX_INDEX_DESCRIPTORS) {
    throw new BunkerError("invalid-image", `${what}: more than ${MAX_INDEX_DESCRIPTORS} entries`);
  }
  const manifests = entries.map((entry, at) => parseDescriptor(entry, `${what}: entry ${at}`));
  return { kind: "index", mediaType, manifests };
}

function parseManifest(document: JsonObject, entries: unknown[], what: string): Manifest {
  const mediaType = declaredType(document, MANIFEST_MEDIA_TYPES, OCI_MANIFEST, what);
  const config = parseDocumentDescriptor(document["config"], `${what}: config`);
  if (!CONFIG_MEDIA_TYPES.has(config.mediaType)) {
    const kind = typeof document["artifactType"] === "string" ? document["artifactType"] : config.mediaType;
    throw new BunkerError(
      "invalid-image",
      `${what}: not a container image but an artifact of type ${JSON.stringify(kind.slice(0, 200))}`,
    );
  }
  if (entries.length > MAX_LAYERS) throw new BunkerError("invalid-image", `${what}: more than ${MAX_LAYERS} layers`);
  const layers = entries.map((entry, at) => parseLayerDescriptor(entry, `${what}: layer ${at + 1}`));
  const total = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (!Number.isSafeInteger(total)) throw new BunkerError("invalid-image", `${what}: sizes of layers are not valid`);
  return { kind: "manifest", mediaType, config, layers };
}

/**
 * Parses a manifest or index exactly as served. `what` opens every message, as in `manifest of "alpine:3.20"`.
 * Throws `invalid-image`, or `unsupported` for what is well-formed but not for us.
 */
export function parseManifestDocument(bytes: Uint8Array, what: string): Manifest | Index {
  const document = parseJsonObject(bytes, what);
  ensureVersion(document, what);
  const manifests = optionalList(document, "manifests", what);
  const layers = optionalList(document, "layers", what);
  const hasConfig = document["config"] !== undefined && document["config"] !== null;
  if (manifests !== null && (layers !== null || hasConfig)) {
    throw new BunkerError("invalid-image", `${what}: claims to be both a manifest and an index`);
  }
  // Written by some for docker's schema 1; in a version 2 document it is one more way to mean two things.
  if (document["fsLayers"] !== undefined)
    throw new BunkerError("invalid-image", `${what}: mixes schema 1 and schema 2`);
  if (isJsonObject(document["subject"])) parseDescriptor(document["subject"], `${what}: subject`);
  if (manifests !== null) return parseIndex(document, manifests, what);
  if (!hasConfig) throw new BunkerError("invalid-image", `${what}: neither a manifest nor an index`);
  return parseManifest(document, layers ?? [], what);
}

/**
 * Which entries of an index to look into for `wanted`, best first: manifests that suit, then nested indexes that say
 * nothing else, then, if it is the only one, a manifest that names no platform.
 */
export function chooseFromIndex(index: Index, wanted: Platform): Descriptor[] {
  const direct = index.manifests.filter((entry) => MANIFEST_MEDIA_TYPES.has(entry.mediaType));
  const nested = index.manifests.filter((entry) => INDEX_MEDIA_TYPES.has(entry.mediaType));
  const suiting = rankByPlatform(direct, wanted);
  if (suiting.length > 0) return suiting;
  const deeper = [...rankByPlatform(nested, wanted), ...nested.filter((entry) => entry.platform === null)];
  if (deeper.length > 0) return deeper;
  return direct.length === 1 && direct[0]?.platform === null ? direct : [];
}

/** The platforms an index offers, for messages: `linux/amd64, linux/arm64`. */
export function offeredPlatforms(index: Index): string {
  const names = new Set<string>();
  for (const { platform } of index.manifests) {
    if (platform !== null && platform.os !== "unknown") names.add(formatPlatform(platform));
  }
  return [...names].slice(0, 20).join(", ") || "none";
}
