// Points in time and durations as Go and docker write them on a command line, and as docker prints them.

import { quote, ScanError } from "./strconv.ts";
import { UsageError } from "./usage.ts";

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
/** Longer than any duration a person writes. */
const MAX_DURATION = 100;
// Digits can be taken in one way only: where there were two, a wrong end after ten numbers was tried in millions.
const DURATION = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** time.ParseDuration, in milliseconds. @throws ScanError in Go's words */
export function parseDuration(text: string): number {
  if (text === "0" || text === "+0" || text === "-0") return 0;
  if (text.length > MAX_DURATION || !DURATION.test(text)) throw new ScanError(`time: invalid duration ${quote(text)}`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(DURATION_PART)) total += Number(amount) * (UNITS[unit as string] ?? 0);
  return text.startsWith("-") ? -total : total;
}

/** Nothing here happened before, and the last moment that has four digits for its year: whoever asks for more means these. */
const FIRST = 0;
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

function nearest(milliseconds: number): Date {
  return new Date(Math.min(Math.max(milliseconds, FIRST), LAST));
}

const UNIX = /^\d+(?:\.\d{1,9})?$/;
const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(\.\d{1,9})?)?)?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * docker's `--since` and `--until`: RFC 3339 with or without time and zone (local then), seconds since 1970, or a
 * duration before now. @throws ScanError
 */
export function parseTime(text: string, now: Date): Date {
  if (UNIX.test(text)) return nearest(Number(text) * 1000);
  const match = DATE_TIME.exec(text);
  if (match !== null) return parseDateTime(text, match);
  try {
    return nearest(now.getTime() - parseDuration(text));
  } catch {
    throw invalidTime(text);
  }
}

/** `--filter until=…`. @throws UsageError */
export function parseUntil(text: string, now: Date): Date {
  try {
    return parseTime(text, now);
  } catch (error) {
    throw error instanceof ScanError ? new UsageError(error.message) : error;
  }
}

const FRACTION = /^[^.]*\.(\d+)(?:Z|[+-]\d{2}:\d{2})?$/;
const NANOSECOND_DIGITS = 9;

/** As parseTime, written with nanoseconds as a log's entries are: what `logs -t` shows can be given back exactly. @throws ScanError */
export function parseTimestamp(text: string, now: Date): string {
  const time = parseTime(text, now).toISOString();
  const [, fraction = time.slice(20, 23)] = FRACTION.exec(text) ?? [];
  return `${time.slice(0, 19)}.${fraction.padEnd(NANOSECOND_DIGITS, "0")}Z`;
}

function parseDateTime(text: string, match: RegExpExecArray): Date {
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = ""] = match;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}${zone}`);
  if (Number.isNaN(time.getTime())) throw invalidTime(text);
  return nearest(time.getTime());
}

function invalidTime(text: string): ScanError {
  return new ScanError(
    `invalid value ${quote(text)}: it is neither a time like 2026-01-02T15:04:05Z nor a duration like 10m`,
  );
}

/** Go's Time.String in local time: `2026-11-25 01:28:29 +0000 UTC`. Zone names other than UTC would need a database. */
export function goTime(time: Date): string {
  const offset = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + offset * 60_000).toISOString();
  const size = Math.abs(offset);
  const zone = `${offset < 0 ? "-" : "+"}${twoDigits(Math.trunc(size / 60))}${twoDigits(size % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zone} ${offset === 0 ? "UTC" : zone}`;
}

/** time.RFC3339 in local time. */
export function rfc3339(time: Date): string {
  const [date, clock, zone = ""] = goTime(time).split(" ");
  return `${date}T${clock}${zone === "+0000" ? "Z" : `${zone.slice(0, 3)}:${zone.slice(3)}`}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
