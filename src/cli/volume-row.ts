// A volume as a row of `volume ls`, in docker's words, and its filters. Pure.

import type { VolumeRecord } from "../engine/index.ts";
import { joinLabels } from "./container-row.ts";
import { Filters, matches } from "./filter.ts";
import type { Listing, Row } from "./format.ts";

const KEYS = ["dangling", "driver", "label", "name"];
const DRIVER = "local";
const NOT_KNOWN = "N/A";

export const VOLUME_LISTING: Listing = {
  headings: {
    Name: "VOLUME NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    Mountpoint: "MOUNTPOINT",
    Labels: "LABELS",
    Links: "LINKS",
    Size: "SIZE",
    Availability: "AVAILABILITY",
    Group: "GROUP",
    Status: "STATUS",
  },
  columns: ["Driver", "Name"],
  raw: "name: {{.Name}}\ndriver: {{.Driver}}\n",
  type: "*formatter.volumeContext",
};

export function volumeRow(volume: VolumeRecord, mountpoint: string): Row {
  const { name, labels } = volume;
  return {
    Availability: NOT_KNOWN,
    Driver: DRIVER,
    Group: NOT_KNOWN,
    Label: (key) => (typeof key === "string" ? (labels[key] ?? "") : ""),
    Labels: joinLabels(labels),
    Links: String(volume.users.length),
    Mountpoint: mountpoint,
    Name: name,
    Scope: DRIVER,
    Size: NOT_KNOWN,
    Status: NOT_KNOWN,
  };
}

/** @throws UsageError in docker's words */
export function selectVolumes(
  volumes: readonly VolumeRecord[],
  words: readonly (readonly [string, string])[],
): VolumeRecord[] {
  const filters = new Filters(words, KEYS);
  const dangling = filters.boolean("dangling");
  return volumes.filter(
    ({ name, labels, users }) =>
      filters.some("name", (value) => matches(value, name)) &&
      filters.some("driver", (value) => value === DRIVER) &&
      filters.labels(labels) &&
      (dangling === null || dangling === (users.length === 0)),
  );
}
