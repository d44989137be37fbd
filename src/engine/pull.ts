// docker pull: from a name to an image in the store. Finds the manifest for the platform and its config, and has them stored with
// their layers.

import { BunkerError, wrapError } from "../errors.ts";
import {
  chooseFromIndex,
  type Descriptor,
  type Digest,
  ensureConfigFits,
  familiarReference,
  formatPlatform,
  formatReference,
  hostPlatform,
  type ImageConfig,
  type Index,
  type Manifest,
  MAX_INDEX_DEPTH,
  MAX_INDEX_DESCRIPTORS,
  offeredPlatforms,
  parseImageConfig,
  parseManifestDocument,
  parseReference,
  type Platform,
  platformRank,
  type Reference,
} from "../image/index.ts";
import { type Credentials, openRegistry, type RegistryClient } from "../registry/index.ts";
import type { Engine } from "./engine.ts";
import type { OnPullEvent } from "./pull-event.ts";
import { registrySettings } from "./settings.ts";
import { storeImage } from "./store-image.ts";

export interface PullOptions {
  platform: Platform | null;
  /** `null`: as the registry's kind and the settings say. */
  tlsVerify: boolean | null;
  authFile: string | null;
  /** The only ones, whatever the files say. */
  credentials: Credentials | null;
  certDir: string | null;
  /** How often a registry that fails is asked again, and after which pause each time; absent: as usual. */
  retries?: number;
  retryDelayMs?: number;
  /** Ends the pull, which then tidies up. */
  signal?: AbortSignal;
}

/** How a registry is asked, without what. */
export type PullAccess = Pick<
  PullOptions,
  "tlsVerify" | "authFile" | "credentials" | "certDir" | "retries" | "retryDelayMs"
>;

export interface Pulled {
  id: string;
  /** The full name it has now. */
  reference: string;
  /** Of what the registry served under that name. */
  digest: string;
  /** Whether the name points to something else than before. */
  changed: boolean;
}

const HINTS = {
  "invalid-image": "The image itself is wrong: its publisher must push it again, or another tag may be right.",
  "bad-archive": "The image itself is wrong: its publisher must push it again, or another tag may be right.",
  "digest-mismatch": "Try again; if it stays so, report it to whoever runs the registry.",
  unsupported: "Another tag of it may be of a kind that can be used.",
};

/** A document of a registry, with the bytes that its digest was checked against. */
interface Document<T> {
  digest: Digest;
  bytes: Uint8Array;
  content: T;
}

/** Pulls an image by name. @throws BunkerError with what docker would say */
export async function pullImage(
  engine: Engine,
  name: string,
  options: PullOptions,
  onEvent: OnPullEvent,
): Promise<Pulled> {
  const reference = parseReference(name);
  const shown = familiarReference(reference);
  try {
    const client = openRegistry(reference, registrySettings(options));
    const signal = options.signal ?? new AbortController().signal;
    onEvent({ kind: "resolving", reference: formatReference(reference) });
    return await new Pull({ engine, reference, client, onEvent, signal }).run(options.platform);
  } catch (error) {
    throw wrapError(`pulling "${shown}"`, error, HINTS);
  }
}

/** The full names of a repository's images. @throws BunkerError as pullImage */
export async function repositoryTags(name: string, access: PullAccess, signal: AbortSignal): Promise<string[]> {
  const reference = parseReference(name);
  try {
    const tags = await openRegistry(reference, registrySettings(access)).listTags(signal);
    return tags.map((tag) => formatReference({ ...reference, tag, digest: null }));
  } catch (error) {
    throw wrapError(`listing the tags of "${name}"`, error, HINTS);
  }
}

interface PullContext {
  engine: Engine;
  reference: Reference;
  client: RegistryClient;
  onEvent: OnPullEvent;
  signal: AbortSignal;
}

class Pull {
  readonly #context: PullContext;
  /** Indexes on the way to the manifest. */
  readonly #indexes: Document<Index>[] = [];
  /** Entries of all indexes that were read: one leads to others, and they to more. */
  #entries = 0;
  /** Documents that were looked into: each one once. */
  readonly #seen = new Set<Digest>();

  constructor(context: PullContext) {
    this.#context = context;
  }

  async run(platform: Platform | null): Promise<Pulled> {
    const { engine, reference, client, onEvent, signal } = this.#context;
    const name = formatReference(reference);
    const before = engine.store.images.findReference(name);
    const root = await this.#fetchDocument(reference.digest ?? reference.tag ?? "latest");
    const { content: manifest, ...document } = await this.#resolve(root, platform ?? hostPlatform(), 0);
    onEvent({ kind: "resolved", reference: name });
    const { config, bytes } = await this.#readConfig(manifest);
    this.#checkPlatform(config, platform);
    for (const warning of config.warnings) onEvent({ kind: "warning", message: warning });
    const id = manifest.config.digest;
    const image = {
      id,
      manifest,
      manifestDigest: document.digest,
      config,
      documents: [...this.#indexes, document, { digest: id, bytes }],
      reference: { name, digest: root.digest },
    };
    await storeImage(engine, image, { source: client, onEvent, signal });
    const changed = before?.digest !== root.digest || before.imageId !== id;
    return { id, reference: name, digest: root.digest, changed };
  }

  async #fetchDocument(tagOrDigest: string): Promise<Document<Manifest | Index>> {
    const { client, signal } = this.#context;
    const { bytes, digest } = await client.fetchManifest(tagOrDigest, signal);
    return { bytes, digest, content: parseManifestDocument(bytes, `manifest "${digest}"`) };
  }

  /** One that an index names: it may be here. */
  async #readDocument({ digest }: Descriptor): Promise<Document<Manifest | Index>> {
    const bytes = this.#context.engine.store.blobs.find(digest);
    if (bytes === null) return this.#fetchDocument(digest);
    return { bytes, digest, content: parseManifestDocument(bytes, `manifest "${digest}"`) };
  }

  /** Follows indexes down to the manifest for a platform. */
  async #resolve(document: Document<Manifest | Index>, platform: Platform, depth: number): Promise<Document<Manifest>> {
    const { content } = document;
    if (content.kind === "manifest") return { ...document, content };
    if (depth >= MAX_INDEX_DEPTH) {
      throw new BunkerError("invalid-image", `indexes nested deeper than ${MAX_INDEX_DEPTH} levels`);
    }
    this.#entries += content.manifests.length;
    if (this.#entries > MAX_INDEX_DESCRIPTORS) {
      throw new BunkerError("invalid-image", `its indexes have together more than ${MAX_INDEX_DESCRIPTORS} entries`);
    }
    const candidates = chooseFromIndex(content, platform);
    for (const candidate of candidates) {
      const found = await this.#tryCandidate(candidate, platform, depth);
      if (found === null) continue;
      this.#indexes.push({ ...document, content });
      return found;
    }
    throw noPlatform(platform, content);
  }

  /** A nested index may turn out not to have the platform. */
  async #tryCandidate(candidate: Descriptor, platform: Platform, depth: number): Promise<Document<Manifest> | null> {
    if (this.#seen.has(candidate.digest)) return null;
    this.#seen.add(candidate.digest);
    try {
      return await this.#resolve(await this.#readDocument(candidate), platform, depth + 1);
    } catch (error) {
      if (error instanceof BunkerError && error.code === "not-found" && error.message.startsWith(NO_MATCH)) return null;
      throw error;
    }
  }

  async #readConfig(manifest: Manifest): Promise<{ config: ImageConfig; bytes: Uint8Array }> {
    const { engine, client, signal } = this.#context;
    const bytes =
      engine.store.blobs.find(manifest.config.digest) ?? (await client.fetchSmallBlob(manifest.config, signal));
    const config = parseImageConfig(bytes, "image config");
    ensureConfigFits(config, manifest, "image");
    return { config, bytes };
  }

  /** An image without an index says only in its config what it is for. */
  #checkPlatform(config: ImageConfig, wanted: Platform | null): void {
    const { platform } = config;
    if (wanted === null) {
      if (platformRank(hostPlatform(), platform) >= 0) return;
      const message = `the image is for ${formatPlatform(platform)}, this machine is ${formatPlatform(hostPlatform())}`;
      this.#context.onEvent({ kind: "warning", message });
      return;
    }
    if (platformRank(wanted, platform) >= 0) return;
    const found = `its platform (${formatPlatform(platform)}) does not match the specified platform (${formatPlatform(wanted)})`;
    throw new BunkerError("not-found", `image was found but ${found}`, {
      hint: "Leave --platform out, or pull another tag.",
    });
  }
}

/** docker's words. */
const NO_MATCH = "no matching manifest for";

function noPlatform(platform: Platform, index: Index): BunkerError {
  return new BunkerError("not-found", `${NO_MATCH} ${formatPlatform(platform)} in the manifest list entries`, {
    hint: `Its platforms are: ${offeredPlatforms(index)}. --platform chooses one.`,
  });
}
