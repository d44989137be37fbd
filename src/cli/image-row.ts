// An image as a row of images, in docker's words, and `images --filter`. Pure.

import type { ImageSummary } from "../engine/index.ts";
import { familiarName, lookupNames, parseName } from "../image/index.ts";
import { Filters } from "./filter.ts";
import type { Listing, Row } from "./format.ts";
import { joinLabels } from "./container-row.ts";
import { goTime, parseUntil } from "./time.ts";
import { ago, columnSize, humanSize, shortId } from "./units.ts";
import { UsageError } from "./usage.ts";

const NONE = "<none>";
const NOT_KNOWN = "N/A";
const KEYS = "before containers dangling digest id label label! reference since until".split(" ");
/** Go's zero time: the image does not say when it was made. */
const ZERO_TIME = "0001-01-01 00:00:00 +0000 UTC";

export const IMAGE_LISTING: Listing = {
  headings: {
    ID: "IMAGE ID",
    Repository: "REPOSITORY",
    Tag: "TAG",
    Digest: "DIGEST",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    Size: "SIZE",
    Containers: "CONTAINERS",
    VirtualSize: "SIZE",
    SharedSize: "SHARED SIZE",
    UniqueSize: "UNIQUE SIZE",
    Labels: "LABELS",
    History: "HISTORY",
  },
  columns: ["Repository", "Tag", "ID", "CreatedSince", "Size"],
  raw: "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n",
  type: "*formatter.imageContext",
};

export const IMAGE_COLUMNS_WITH_DIGEST: readonly string[] = [
  "Repository",
  "Tag",
  "Digest",
  "ID",
  "CreatedSince",
  "Size",
];

export function imageRow(image: ImageSummary, options: { now: Date; truncate: boolean }): Row {
  const { id, tag, digest, labels, size } = image;
  // By name, as docker's JSON has them.
  return {
    Containers: image.containers < 0 ? NOT_KNOWN : String(image.containers),
    // Asked for only: the first look at the time zone costs a start 3 ms.
    get CreatedAt() {
      return image.createdAt === null ? ZERO_TIME : goTime(createdAt(image));
    },
    CreatedSince: image.createdAt === null ? "" : ago(createdAt(image), options.now),
    Digest: digest ?? NONE,
    ID: options.truncate ? shortId(id) : id,
    Labels: joinLabels(labels),
    Repository: shownRepository(image),
    SharedSize: NOT_KNOWN,
    Size: columnSize(size),
    Tag: tag ?? NONE,
    UniqueSize: NOT_KNOWN,
    VirtualSize: humanSize(size),
    Label: (name) => (Object.hasOwn(labels, String(name)) ? labels[String(name)] : ""),
  };
}

function createdAt({ createdAt: text }: ImageSummary): Date {
  return new Date(text ?? 0);
}

/** As people write it: `alpine`, not `docker.io/library/alpine`. */
function shownRepository({ repository }: ImageSummary): string {
  return repository === null ? NONE : familiarName(parseName(repository));
}

/**
 * `images [REPOSITORY[:TAG]] --filter …`, newest first. `now` is for until=10m.
 * @throws UsageError in docker's words
 */
export function selectImages(
  images: readonly ImageSummary[],
  words: readonly (readonly [string, string])[],
  asked: { name: string | null; now: Date },
): ImageSummary[] {
  const filters = new Filters(words, KEYS);
  const dangling = filters.boolean("dangling");
  const inWindow = timeWindow(filters, images, asked.now);
  const chosen = images.filter(
    (image) =>
      (dangling === null || image.dangling === dangling) &&
      filters.allLabels(image.labels) &&
      filters.some("id", (value) => image.id.startsWith(value) || image.id.startsWith(`sha256:${value}`)) &&
      filters.some("digest", (value) => image.digest === value) &&
      filters.some("reference", (pattern) => isReference(image, pattern)) &&
      filters.some("containers", (value) => String(image.containers) === value) &&
      (asked.name === null || isNamed(image, asked.name)) &&
      inWindow(image),
  );
  return chosen.sort((a, b) => createdAt(b).getTime() - createdAt(a).getTime());
}

/** docker's `images NAME`: a repository with all its tags, or one tag; patterns as in a shell. */
function isNamed(image: ImageSummary, name: string): boolean {
  return isReference(image, name);
}

function isReference(image: ImageSummary, pattern: string): boolean {
  if (image.repository === null) return false;
  const repository = shownRepository(image);
  const full = image.repository;
  const names = [repository, full].flatMap((name) => (image.tag === null ? [name] : [name, `${name}:${image.tag}`]));
  return names.some((name) => matchesPath(pattern, name));
}

/** Go's path.Match: `*` and `?` stop at a slash. */
export function matchesPath(pattern: string, text: string): boolean {
  const source = pattern.replace(/\*+|\?|\[[^\]]*\]|[.+^${}()|[\]\\]/g, (part) => {
    if (part.startsWith("*")) return "[^/]*";
    if (part === "?") return "[^/]";
    return part.length > 1 ? part.replace(/^\[\^/, "[^/") : `\\${part}`;
  });
  try {
    return new RegExp(`^${source}$`).test(text);
  } catch {
    return pattern === text;
  }
}

function timeWindow(filters: Filters, images: readonly ImageSummary[], now: Date): (image: ImageSummary) => boolean {
  const times = (key: string): number[] => filters.values(key).map((name) => findImage(images, name).getTime());
  const until = filters.values("until").map((text) => parseUntil(text, now).getTime());
  const before = Math.min(...times("before"), ...until);
  const since = Math.max(...times("since"));
  return (image) => createdAt(image).getTime() < before && createdAt(image).getTime() > since;
}

function findImage(images: readonly ImageSummary[], name: string): Date {
  const bare = name.replace(/^sha256:/, "");
  const byId = (image: ImageSummary): boolean =>
    /^[0-9a-f]{4,64}$/.test(bare) && image.id.slice("sha256:".length).startsWith(bare);
  const names = fullNames(name);
  const found = images.find((image) => names.includes(`${image.repository}:${image.tag}`)) ?? images.find(byId);
  if (found === undefined) throw new UsageError(`no such image: ${name}`, { code: "not-found" });
  return createdAt(found);
}

/** Under which names an image may be meant; none: the word is no name. */
function fullNames(word: string): string[] {
  try {
    return lookupNames(word);
  } catch {
    return [];
  }
}
