// docker system df: what lies on the disk, as the disk has it. A part that several images share counts once.

import { readdirSync } from "node:fs";
import type { VolumeRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { type ImageSummary, listImages } from "./image.ts";
import { listContainers } from "./list.ts";
import type { ContainerView } from "./view.ts";
import { startJob } from "./worker.ts";

/** Where things are begun and ended: what nobody is at work on there goes with the next command, or in a week. */
const TRANSIENT = ["partial", "staging", "trash"];

export interface ImageUsage {
  /** Under the first of its names. */
  image: ImageSummary;
  /** By a container that was made from it, or has it mounted. */
  used: boolean;
  /** Bytes that other images have as well, and those that none has. */
  shared: number;
  unique: number;
}

export interface DiskUsage {
  images: ImageUsage[];
  /** Of all images, and of those that no container was made from. */
  imageBytes: number;
  unusedImageBytes: number;
  containers: { view: ContainerView; bytes: number }[];
  volumes: { volume: VolumeRecord; bytes: number }[];
  /** What belongs to nothing: downloads that were broken off, what is about to be removed. */
  unreferenced: { count: number; bytes: number };
}

/** Measures everything there is. */
export async function measureDisk(engine: Engine): Promise<DiskUsage> {
  const { layout, parts, volumes } = engine.store;
  const views = listContainers(engine, { active: false });
  const records = volumes.list();
  const imageParts = parts.list();
  const stray = strayPaths(engine);
  const sizes = await measure(engine, [
    ...imageParts.map(({ path }) => `${layout.dataHome}/${path}`),
    ...views.map(({ record }) => layout.container(record.id)),
    ...records.map(({ name }) => layout.volume(name)),
    ...stray,
  ]);
  const bytesOf = (path: string): number => sizes.get(path) ?? 0;
  const owners = Map.groupBy(imageParts, ({ path }) => path);
  const measured = [...owners].map(([path, needed]) => ({
    bytes: bytesOf(`${layout.dataHome}/${path}`),
    images: needed.map(({ imageId }) => imageId),
  }));
  const images = [...new Map(listImages(engine, { all: true }).map((image) => [image.id, image])).values()];
  const used = new Set(images.filter(({ id }) => engine.store.images.users(id).length > 0).map(({ id }) => id));
  const unused = measured.filter((part) => !part.images.some((id) => used.has(id)));
  return {
    images: images.map((image) => {
      const own = measured.filter((part) => part.images.includes(image.id));
      const unique = sum(own.filter((part) => part.images.length === 1));
      return { image, used: used.has(image.id), shared: sum(own) - unique, unique };
    }),
    imageBytes: sum(measured),
    unusedImageBytes: sum(unused),
    containers: views.map((view) => ({ view, bytes: bytesOf(layout.container(view.record.id)) })),
    volumes: records.map((volume) => ({ volume, bytes: bytesOf(layout.volume(volume.name)) })),
    unreferenced: { count: stray.length, bytes: sum(stray.map((path) => ({ bytes: bytesOf(path) }))) },
  };
}

function strayPaths(engine: Engine): string[] {
  const { garbage, layout } = engine.store;
  const transient = TRANSIENT.flatMap((folder) => list(`${layout.dataHome}/${folder}`));
  return [...transient, ...garbage.orphans()];
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

/** Bytes on the disk by path; what goes meanwhile has none. */
async function measure(engine: Engine, paths: readonly string[]): Promise<Map<string, number>> {
  const distinct = [...new Set(paths)];
  if (distinct.length === 0) return new Map();
  const { sizes } = await startJob(engine, { op: "measure", paths: distinct }).result;
  const found = sizes as ({ disk: number } | null)[];
  return new Map(distinct.map((path, at) => [path, found[at]?.disk ?? 0]));
}

function sum(parts: readonly { bytes: number }[]): number {
  return parts.reduce((total, { bytes }) => total + bytes, 0);
}
