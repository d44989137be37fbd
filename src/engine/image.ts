// Images in the store: list, tag, remove. Names are docker's short ones where people read them.

import { BunkerError } from "../errors.ts";
import {
  familiarName,
  familiarReference,
  lookupNames,
  parseReference,
  type Reference,
  repositoryName,
} from "../image/index.ts";
import { type ImageRecord, noSuchImage, type ReferenceRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { viewContainer } from "./view.ts";

const SHORT_ID = 12;

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

/** docker tag. */
export function tagImage(engine: Engine, source: string, target: string): void {
  engine.store.images.tag(source, target);
}

/** docker rmi: the name goes; with the last one the image, unless containers need it. */
export function removeImage(
  engine: Engine,
  name: string,
  options: { force: boolean; noPrune: boolean },
): { untagged: string[]; deleted: string[] } {
  const { images } = engine.store;
  const image = images.find(name);
  if (image === null) throw noSuchImage(name);
  const references = images.references(image.id);
  const named = namedBy(engine, name);
  if (named !== null && references.length > 1) {
    images.untag(named.name);
    return { untagged: untaggedLines(named, references), deleted: [] };
  }
  ensureRemovable(engine, { image, name, named, references }, options.force);
  return removeWhole(engine, image, references);
}

/** `null`: the user named the image by its id. */
function namedBy(engine: Engine, name: string): ReferenceRecord | null {
  const isId =
    /^(?:sha256:)?[0-9a-f]+$/.test(name) && engine.store.images.findReference(name.replace(/^sha256:/, "")) === null;
  return isId ? null : engine.store.images.findReference(name);
}

interface Doomed {
  image: ImageRecord;
  name: string;
  named: ReferenceRecord | null;
  references: ReferenceRecord[];
}

/** docker's three reasons not to. @throws BunkerError conflict in docker's words */
function ensureRemovable(engine: Engine, doomed: Doomed, force: boolean): void {
  const { image, name, named, references } = doomed;
  const short = image.id.slice("sha256:".length, "sha256:".length + SHORT_ID);
  const users = usersOf(engine, image);
  const running = users.find(({ status }) => status === "running");
  if (running !== undefined) {
    throw conflict(
      `conflict: unable to ${named === null ? "delete" : "remove repository reference"} ${quoted(name, named, short)}` +
        ` (${named === null || force ? "cannot be forced" : "must force"}) - container ${running.id.slice(0, SHORT_ID)} is using its referenced image ${short}`,
      `Remove that container first: \`bunker rm -f ${running.name}\`.`,
    );
  }
  const [user] = users;
  if (user !== undefined) {
    throw conflict(
      `conflict: unable to ${named === null ? "delete" : "remove repository reference"} ${quoted(name, named, short)}` +
        ` (must force) - container ${user.id.slice(0, SHORT_ID)} is using its referenced image ${short}`,
      `Remove that container first: \`bunker rm ${user.name}\`.`,
    );
  }
  if (named === null && references.length > 1 && !force) {
    throw conflict(
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
      "Remove its names one by one, or all of them with -f.",
    );
  }
}

/** Containers made from an image as they are now: what its creator left half made is gone after a look. */
function usersOf(engine: Engine, image: ImageRecord): { id: string; name: string; status: string }[] {
  return engine.store.images.users(image.id).flatMap(({ id, name }) => {
    try {
      return [{ id, name, status: viewContainer(engine, id).status }];
    } catch (error) {
      if (error instanceof BunkerError && error.code === "not-found") return [];
      throw error;
    }
  });
}

function quoted(name: string, named: ReferenceRecord | null, short: string): string {
  return named === null ? short : `"${name}"`;
}

function conflict(message: string, hint: string): BunkerError {
  return new BunkerError("conflict", message, { hint });
}

function removeWhole(
  engine: Engine,
  image: ImageRecord,
  references: ReferenceRecord[],
): { untagged: string[]; deleted: string[] } {
  const untagged = references.flatMap((reference) => untaggedLines(reference, [reference]));
  const layers = engine.store.images.remove(image.id);
  const diffIds = image.config.diffIds.filter((diffId) => layers.some((layer) => diffId.endsWith(layer)));
  return { untagged, deleted: [image.id, ...diffIds.reverse()] };
}

/** docker names the tag, and the digest with it when nothing else of that repository points there. */
function untaggedLines(gone: ReferenceRecord, among: ReferenceRecord[]): string[] {
  const reference = parseReference(gone.name);
  const repository = repositoryName(reference);
  const others = among.filter((each) => each !== gone && repositoryName(parseReference(each.name)) === repository);
  const lines = [familiarReference(reference)];
  if (reference.digest === null && others.length === 0 && !lookupNames("hello").includes(gone.name)) {
    lines.push(`${familiarName(reference)}@${gone.digest}`);
  }
  return lines;
}
