// Sizes and durations as docker's people read them (go-units): `1.23MB`, `About an hour`.

import { formatGeneral } from "./strconv.ts";

const SUFFIXES = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const STEP = 1000;
/** docker's columns have three significant digits, its messages four. */
const COLUMN_DIGITS = 3;
const DEFAULT_DIGITS = 4;

/** units.HumanSizeWithPrecision: decimal units. With three digits 999.9 kB is `1e+03kB`, as docker's. */
export function humanSize(bytes: number, digits = DEFAULT_DIGITS): string {
  let size = bytes;
  let unit = 0;
  while (size >= STEP && unit < SUFFIXES.length - 1) {
    size /= STEP;
    unit++;
  }
  return formatGeneral(size, digits) + (SUFFIXES[unit] ?? "");
}

const BINARY_SUFFIXES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const BINARY_STEP = 1024;

/** units.BytesSize: binary units, as docker has memory. */
export function binarySize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= BINARY_STEP && unit < BINARY_SUFFIXES.length - 1) {
    size /= BINARY_STEP;
    unit++;
  }
  return formatGeneral(size, DEFAULT_DIGITS) + (BINARY_SUFFIXES[unit] ?? "");
}

/** A size in a column of ps or images. */
export function columnSize(bytes: number): string {
  return humanSize(bytes, COLUMN_DIGITS);
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY_HOURS = 24;

/** units.HumanDuration. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < MINUTE) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  // go-units rounds hours, and nothing else.
  const hours = Math.trunc(milliseconds / (HOUR * 1000) + 0.5);
  return hours === 1 ? "About an hour" : longDuration(hours, Math.trunc(seconds / HOUR));
}

function longDuration(hours: number, wholeHours: number): string {
  if (hours < 48) return `${hours} hours`;
  if (hours < DAY_HOURS * 7 * 2) return `${Math.trunc(hours / DAY_HOURS)} days`;
  if (hours < DAY_HOURS * 30 * 2) return `${Math.trunc(hours / DAY_HOURS / 7)} weeks`;
  if (hours < DAY_HOURS * 365 * 2) return `${Math.trunc(hours / DAY_HOURS / 30)} months`;
  return `${Math.trunc(wholeHours / DAY_HOURS / 365)} years`;
}

/** `2 minutes ago`. */
export function ago(time: Date, now: Date): string {
  return `${humanDuration(now.getTime() - time.getTime())} ago`;
}

/** Longer text ends in `…`; counted in characters. */
export function ellipsis(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}

/** Hex digits of an id that docker shows. */
const SHORT_ID = 12;

/** `sha256:` goes, twelve digits stay. */
export function shortId(id: string): string {
  const colon = id.indexOf(":");
  return id.slice(colon + 1, colon + 1 + SHORT_ID);
}
