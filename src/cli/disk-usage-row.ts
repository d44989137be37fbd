// What lies on the disk, as rows of `system df`, in docker's words. Pure.

import type { DiskUsage, NetworkFacts } from "../engine/index.ts";
import { factsOf } from "./container-facts.ts";
import { CONTAINER_LISTING, containerRow } from "./container-row.ts";
import type { Listing, Row } from "./format.ts";
import { IMAGE_LISTING, imageRow } from "./image-row.ts";
import { columnSize, humanSize } from "./units.ts";
import { VOLUME_LISTING, volumeRow } from "./volume-row.ts";

export const USAGE_LISTING: Listing = {
  headings: {
    Type: "TYPE",
    TotalCount: "TOTAL",
    Active: "ACTIVE",
    Size: "SIZE",
    Reclaimable: "RECLAIMABLE",
  },
  columns: ["Type", "TotalCount", "Active", "Size", "Reclaimable"],
  raw: "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n",
  type: "*formatter.diskUsageContext",
};

interface Kind {
  type: string;
  total: number;
  active: number;
  bytes: number;
  reclaimable: number;
}

/** docker's four rows, and one of our own where something belongs to nothing. */
export function usageRows(usage: DiskUsage): Row[] {
  const { images, containers, volumes, unreferenced } = usage;
  const running = containers.filter(({ view }) => view.status === "running");
  const used = volumes.filter(({ volume }) => volume.users.length > 0);
  const rows = [
    row({
      type: "Images",
      total: images.length,
      active: images.filter(({ used: isUsed }) => isUsed).length,
      bytes: usage.imageBytes,
      reclaimable: usage.unusedImageBytes,
    }),
    row(kind("Containers", containers, running)),
    row(kind("Local Volumes", volumes, used)),
    row(kind("Build Cache", [], [])),
  ];
  if (unreferenced.count === 0) return rows;
  const { count, bytes } = unreferenced;
  return [...rows, row({ type: "Unreferenced", total: count, active: 0, bytes, reclaimable: bytes })];
}

type Sized = readonly { bytes: number }[];

/** Those that are at work cannot be reclaimed. */
function kind(type: string, all: Sized, active: Sized): Kind {
  const bytes = sum(all);
  return { type, total: all.length, active: active.length, bytes, reclaimable: bytes - sum(active) };
}

function row({ type, total, active, bytes, reclaimable }: Kind): Row {
  // docker's rows of the build cache have no share either, and those of nothing.
  const share = bytes > 0 ? ` (${Math.trunc((reclaimable * 100) / bytes)}%)` : "";
  return {
    Active: String(active),
    Reclaimable: `${humanSize(reclaimable)}${share}`,
    Size: humanSize(bytes),
    TotalCount: String(total),
    Type: type,
  };
}

function sum(parts: Sized): number {
  return parts.reduce((total, { bytes }) => total + bytes, 0);
}

/** What `-v` shows, one after the other: a heading, and a listing with its rows. */
export interface UsageSection {
  /** docker's name of it in JSON. */
  name: string;
  title: string;
  listing: Listing;
  rows: Row[];
}

/** `truncate`: ids and commands short, as in docker's table. */
export function usageSections(
  usage: DiskUsage,
  options: { now: Date; truncate: boolean; networks: NetworkFacts; mountpoint: (volume: string) => string },
): UsageSection[] {
  return [
    {
      name: "Images",
      title: "Images space usage:",
      listing: {
        ...IMAGE_LISTING,
        columns: ["Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"],
      },
      rows: usage.images.map(({ image, shared, unique }) => ({
        ...imageRow(image, options),
        Size: columnSize(shared + unique),
        SharedSize: columnSize(shared),
        UniqueSize: columnSize(unique),
      })),
    },
    {
      name: "Containers",
      title: "Containers space usage:",
      listing: {
        ...CONTAINER_LISTING,
        columns: ["ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names"],
      },
      rows: usage.containers.map(({ view, bytes }) => ({
        ...containerRow(factsOf(view, options.networks), options),
        Size: columnSize(bytes),
      })),
    },
    {
      name: "Volumes",
      title: "Local Volumes space usage:",
      listing: { ...VOLUME_LISTING, columns: ["Name", "Links", "Size"] },
      rows: usage.volumes.map(({ volume, bytes }) => ({
        ...volumeRow(volume, options.mountpoint(volume.name)),
        Size: columnSize(bytes),
      })),
    },
    { name: "BuildCache", title: "Build cache usage: 0B", listing: BUILD_CACHE_LISTING, rows: [] },
  ];
}

/** Nothing is built yet. */
const BUILD_CACHE_LISTING: Listing = {
  headings: {
    ID: "CACHE ID",
    CacheType: "CACHE TYPE",
    Size: "SIZE",
    CreatedSince: "CREATED",
    LastUsedSince: "LAST USED",
    UsageCount: "USAGE",
    Shared: "SHARED",
  },
  columns: ["ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared"],
  raw: "",
  type: "*formatter.buildCacheContext",
};
