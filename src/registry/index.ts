// Registries over HTTP: the only module that uses fetch. Gives bytes that match their digests and sizes; keeps nothing,
// prints nothing. The only file of this folder that others import.

export { type FetchedManifest, openRegistry, type RegistryClient } from "./client.ts";
export type { BlobSink } from "./blob.ts";
export type { Credentials, RegistrySettings } from "./settings.ts";
