// What an image is: names, digests, platforms, manifests, configs. Pure: imports nothing but errors, touches nothing.
// The only file of this folder that others import.

export {
  computeChainIds,
  computeDigest,
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  isDigest,
  parseContentDigest,
  parseDigest,
} from "./digest.ts";
export {
  DEFAULT_DOMAIN,
  DEFAULT_TAG,
  LOCAL_DOMAIN,
  familiarName,
  familiarReference,
  formatReference,
  isImageId,
  isTag,
  lookupNames,
  parseName,
  parseReference,
  type Reference,
  type RepositoryName,
  repositoryName,
} from "./reference.ts";
export {
  acceptablePlatforms,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  type Platform,
  platformRank,
} from "./platform.ts";
export { isJsonObject, type JsonObject, MAX_DOCUMENT_BYTES, parseJsonObject } from "./json.ts";
export {
  type Compression,
  CONFIG_MEDIA_TYPES,
  type Descriptor,
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  INDEX_MEDIA_TYPES,
  type LayerDescriptor,
  layerCompression,
  MANIFEST_MEDIA_TYPES,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from "./descriptor.ts";
export {
  chooseFromIndex,
  type Index,
  type Manifest,
  MAX_INDEX_DEPTH,
  MAX_INDEX_DESCRIPTORS,
  MAX_LAYERS,
  offeredPlatforms,
  parseManifestDocument,
} from "./manifest.ts";
export { ensureConfigFits, type HistoryEntry, type ImageConfig, parseImageConfig } from "./config.ts";
export type { Healthcheck } from "./healthcheck.ts";
