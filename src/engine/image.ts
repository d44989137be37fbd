// Images in the store: list, tag, remove. Names are docker's short ones where people read them.

import { BunkerError } from "../errors.ts";
import {
  familiarName,
  familiarReference,
  formatPlatform,
  LOCAL_DOMAIN,
  parseReference,
  type Platform,
  platformRank,
  type Reference,
  repositoryName,
} from "../image/index.ts";
import type { ImageRecord, ImageRemoval, ReferenceRecord, RemovableImage } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { decideRemoval, isTagOf, shortId } from "./image-removal.ts";
import { viewContainer } from "./view.ts";

/** One line of `images`: an image under one of its names. */
export interface ImageSummary {
  id: string;
  /** The full form; `null`: it has no name. */
  repository: string | null;
  tag: string | null;
  digest: string | null;
  /** RFC 3339. */
  createdAt: string | null;
  size: number;
  /** How many containers were made from it. */
  containers: number;
  labels: Record<string, string>;
  dangling: boolean;
  references: string[];
}

/** docker images. `all` changes nothing: there are no intermediate images. */
export function listImages(engine: Engine, _options: { all: boolean }): ImageSummary[] {
  const { images } = engine.store;
  const counts = images.useCounts();
  const names = Map.groupBy(images.references(), (reference) => reference.imageId);
  return images.list().flatMap((image) => {
    const references = names.get(image.id) ?? [];
    const containers = counts.get(image.id) ?? 0;
    if (references.length === 0) return [summarize(image, { reference: null, references, containers })];
    return references.map((reference) => summarize(image, { reference, references, containers }));
  });
}

function summarize(
  image: ImageRecord,
  facts: { reference: ReferenceRecord | null; references: ReferenceRecord[]; containers: number },
): ImageSummary {
  const { reference, references, containers } = facts;
  const name: Reference | null = reference === null ? null : parseReference(reference.name);
  return {
    id: image.id,
    repository: name === null ? null : repositoryName(name),
    // Pulled by digest: it has none.
    tag: name === null || name.digest !== null ? null : name.tag,
    digest: reference?.digest ?? null,
    createdAt: image.createdAt,
    size: image.size,
    containers,
    labels: image.config.labels,
    dangling: reference === null,
    references: references.map((each) => familiarReference(parseReference(each.name))),
  };
}

/** docker's --platform of an image that is here: it must be that one's. @throws BunkerError not-found in docker's words */
export function ensurePlatform(engine: Engine, name: string, wanted: Platform | null): void {
  const image = wanted === null ? null : engine.store.images.find(name);
  if (wanted === null || image === null || platformRank(wanted, image.config.platform) >= 0) return;
  throw new BunkerError(
    "not-found",
    `image with reference ${name} was found but its platform (${formatPlatform(image.config.platform)}) ` +
      `does not match the specified platform (${formatPlatform(wanted)})`,
    { hint: `\`bunker pull --platform ${formatPlatform(wanted)} ${name}\` fetches that one.` },
  );
}

/** docker tag. */
export function tagImage(engine: Engine, source: string, target: string): void {
  engine.store.images.tag(source, target);
}

/** podman untag: these names of an image, or all of them. @throws BunkerError not-found */
export function untagImage(engine: Engine, name: string, names: readonly string[]): void {
  const { images } = engine.store;
  images.remove(name, ({ image, references }) => {
    const gone = names.map((each) => {
      const found = images.findReference(each);
      if (found?.imageId === image.id) return found.name;
      throw new BunkerError("not-found", `${each}: no name of image ${shortId(image.id)}`, {
        hint: `\`bunker image inspect ${shortId(image.id)}\` shows its names.`,
      });
    });
    return {
      names: gone.length === 0 ? references : references.filter((each) => gone.includes(each.name)),
      whole: false,
    };
  });
}

/** What was removed, as docker's lines name it. */
export interface Removed {
  untagged: string[];
  deleted: string[];
}

/** docker rmi: the name goes; with the last one the image, unless containers need it. @throws BunkerError conflict in docker's words */
export function removeImage(engine: Engine, name: string, options: { force: boolean }): Removed {
  const { images } = engine.store;
  const running = findRunning(engine, name);
  return removalLines(images.remove(name, (found) => decideRemoval(found, { name, running, force: options.force })));
}

type Removal = RemovableImage & ImageRemoval & { layers: string[] };

/** What went, in docker's words and order. */
export function removalLines({ image, names, references, whole, layers }: Removal): Removed {
  const left = references.filter((reference) => !names.includes(reference));
  const untagged = [...new Set(names.flatMap((reference) => untaggedLines(reference, left, whole)))];
  if (!whole) return { untagged, deleted: [] };
  const diffIds = image.config.diffIds.filter((diffId) => layers.some((layer) => diffId.endsWith(layer)));
  return { untagged, deleted: [image.id, ...diffIds.reverse()] };
}

/** Ids of the image's containers that run now. Looked for beforehand: a dead one's row is brought up to date, or goes. */
function findRunning(engine: Engine, name: string): ReadonlySet<string> {
  const { images, containers } = engine.store;
  const image = images.find(name);
  const users = image === null ? [] : images.users(image.id);
  const ids = users.filter(({ id }) => {
    try {
      const view = viewContainer(engine, id);
      return view.status === "running" || containers.resolve(id).state === "creating";
    } catch (error) {
      if (error instanceof BunkerError && error.code === "not-found") return false;
      throw error;
    }
  });
  return new Set(ids.map(({ id }) => id));
}

/** docker names the tag, and the digest with it when the image goes. */
function untaggedLines(gone: ReferenceRecord, left: ReferenceRecord[], whole: boolean): string[] {
  const reference = parseReference(gone.name);
  const line = familiarReference(reference);
  const isLast = whole && !left.some((each) => isTagOf(each, repositoryName(reference)));
  // What was never at a registry has no digest there.
  if (reference.digest !== null || !isLast || reference.domain === LOCAL_DOMAIN) return [line];
  return [line, `${familiarName(reference)}@${gone.digest}`];
}
