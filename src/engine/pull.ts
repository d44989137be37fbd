// docker pull: from a name to an image in the store. Finds the manifest for the platform, hands its layers to `materialize`, and
// commits everything at once, last. A pull that fails or dies leaves the store as it was, plus downloads that can be resumed.

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
  offeredPlatforms,
  parseImageConfig,
  parseManifestDocument,
  parseReference,
  type Platform,
  platformRank,
  type Reference,
} from "../image/index.ts";
import { openRegistry, type RegistryClient } from "../registry/index.ts";
import type { Engine } from "./engine.ts";
import { changeImages } from "./image-change.ts";
import { type Layers, materialize } from "./materialize.ts";
import type { OnPullEvent } from "./pull-event.ts";
import { registrySettings } from "./settings.ts";

export interface PullOptions {
  platform: Platform | null;
  /** `null`: as the registry's kind and the settings say. */
  tlsVerify: boolean | null;
  authFile: string | null;
}

export interface Pulled {
  id: string;
  /** The full name it has now. */
  reference: string;
  /** Of what the registry served under that name. */
  digest: string;
  /** Whether the name points to something else than before. */
  changed: boolean;
}

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
    onEvent({ kind: "resolving", reference: formatReference(reference) });
    return await changeImages(engine, () => new Pull(engine, reference, client, onEvent).run(options.platform));
  } catch (error) {
    throw wrapError(`pulling "${shown}"`, error);
  }
}

class Pull {
  readonly #engine: Engine;
  readonly #reference: Reference;
  readonly #client: RegistryClient;
  readonly #onEvent: OnPullEvent;
  /** Indexes on the way to the manifest. */
  readonly #indexes: Document<Index>[] = [];

  constructor(engine: Engine, reference: Reference, client: RegistryClient, onEvent: OnPullEvent) {
    this.#engine = engine;
    this.#reference = reference;
    this.#client = client;
    this.#onEvent = onEvent;
  }

  async run(platform: Platform | null): Promise<Pulled> {
    const { images } = this.#engine.store;
    const name = formatReference(this.#reference);
    const before = images.findReference(name);
    const root = await this.#readDocument(this.#reference.digest ?? this.#reference.tag ?? "latest");
    const manifest = await this.#resolve(root, platform ?? hostPlatform(), 0);
    const { config, text } = await this.#fetchConfig(manifest.content);
    this.#checkPlatform(config, platform);
    for (const warning of config.warnings) this.#onEvent({ kind: "warning", message: warning });
    const id = manifest.content.config.digest;
    const layers = await materialize(this.#engine, {
      manifest: manifest.content,
      config,
      source: this.#client,
      onEvent: this.#onEvent,
    });
    try {
      this.#commit({ id, root, manifest, config, text, layers });
    } finally {
      layers.release();
    }
    return { id, reference: name, digest: root.digest, changed: before?.digest !== root.digest };
  }

  async #readDocument(tagOrDigest: string): Promise<Document<Manifest | Index>> {
    const { bytes, digest } = await this.#client.fetchManifest(tagOrDigest);
    return { bytes, digest, content: parseManifestDocument(bytes, `manifest "${digest}"`) };
  }

  /** Follows indexes down to the manifest for a platform. */
  async #resolve(document: Document<Manifest | Index>, platform: Platform, depth: number): Promise<Document<Manifest>> {
    const { content } = document;
    if (content.kind === "manifest") return { ...document, content };
    if (depth >= MAX_INDEX_DEPTH) {
      throw new BunkerError("invalid-image", `indexes nested deeper than ${MAX_INDEX_DEPTH} levels`);
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
    try {
      return await this.#resolve(await this.#readDocument(candidate.digest), platform, depth + 1);
    } catch (error) {
      if (error instanceof BunkerError && error.code === "not-found" && error.message.startsWith(NO_MATCH)) return null;
      throw error;
    }
  }

  async #fetchConfig(manifest: Manifest): Promise<{ config: ImageConfig; text: string }> {
    const { config: descriptor } = manifest;
    const { blobs } = this.#engine.store;
    const bytes = blobs.has(descriptor.digest, descriptor.size)
      ? blobs.read(descriptor.digest)
      : await this.#client.fetchSmallBlob(descriptor);
    const config = parseImageConfig(bytes, "image config");
    ensureConfigFits(config, manifest, "image");
    return { config, text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) };
  }

  /** An image without an index says only in its config what it is for. */
  #checkPlatform(config: ImageConfig, wanted: Platform | null): void {
    const { platform } = config;
    if (wanted === null) {
      if (platformRank(hostPlatform(), platform) >= 0) return;
      const message = `the image is for ${formatPlatform(platform)}, this machine is ${formatPlatform(hostPlatform())}`;
      this.#onEvent({ kind: "warning", message });
      return;
    }
    if (platformRank(wanted, platform) >= 0) return;
    const found = `its platform (${formatPlatform(platform)}) does not match the specified platform (${formatPlatform(wanted)})`;
    throw new BunkerError("not-found", `image was found but ${found}`, {
      hint: "Leave --platform out, or pull another tag.",
    });
  }

  #commit(image: {
    id: Digest;
    root: Document<Manifest | Index>;
    manifest: Document<Manifest>;
    config: ImageConfig;
    text: string;
    layers: Layers;
  }): void {
    const { id, root, manifest, config, text, layers } = image;
    const { store } = this.#engine;
    const documents = [...this.#indexes, manifest].map(({ digest, bytes }) => ({ digest, bytes }));
    documents.push({ digest: id, bytes: new TextEncoder().encode(text) });
    layers.settle(documents);
    store.images.commit(
      {
        id,
        manifest: manifest.digest,
        config: text,
        createdAt: config.created,
        blobs: [
          ...documents.map(({ digest, bytes }) => ({ digest, size: bytes.byteLength })),
          // A layer that was here already, compressed in another way, was not downloaded again.
          ...manifest.content.layers.filter(({ digest, size }) => store.blobs.has(digest, size)),
        ],
        map: layers.map,
        layers: layers.records,
      },
      { name: formatReference(this.#reference), digest: root.digest },
    );
  }
}

/** docker's words. */
const NO_MATCH = "no matching manifest for";

function noPlatform(platform: Platform, index: Index): BunkerError {
  return new BunkerError("not-found", `${NO_MATCH} ${formatPlatform(platform)} in the manifest list entries`, {
    hint: `Its platforms are: ${offeredPlatforms(index)}. --platform chooses one.`,
  });
}
