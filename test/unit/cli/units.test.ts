// Sizes, durations and times in docker's words.

import { describe, expect, test } from "bun:test";
import { goTime, parseDuration, parseTime } from "../../../src/cli/time.ts";
import { columnSize, ellipsis, humanDuration, humanSize, shortId } from "../../../src/cli/units.ts";

describe("sizes are decimal", () => {
  test.each([
    [0, "0B", "0B"],
    [999, "999B", "999B"],
    [1000, "1kB", "1kB"],
    [1234, "1.234kB", "1.23kB"],
    [1_234_567, "1.235MB", "1.23MB"],
    [187_654_321, "187.7MB", "188MB"],
    [999_999, "1000kB", "1e+03kB"],
    [1.5e9, "1.5GB", "1.5GB"],
    [2e12, "2TB", "2TB"],
  ])("%p bytes", (bytes, expected, column) => {
    expect(humanSize(bytes)).toBe(expected);
    expect(columnSize(bytes)).toBe(column);
  });
});

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("durations", () => {
  test.each([
    [-5, "Less than a second"],
    [450, "Less than a second"],
    [SECOND, "1 second"],
    [47 * SECOND, "47 seconds"],
    [60 * SECOND, "About a minute"],
    [2 * MINUTE, "2 minutes"],
    [35 * MINUTE + 40 * SECOND, "35 minutes"],
    [HOUR, "About an hour"],
    [HOUR + 29 * MINUTE, "About an hour"],
    [HOUR + 31 * MINUTE, "2 hours"],
    [3 * HOUR, "3 hours"],
    [47 * HOUR, "47 hours"],
    [48 * HOUR, "2 days"],
    [13 * DAY, "13 days"],
    [14 * DAY, "2 weeks"],
    [59 * DAY, "8 weeks"],
    [60 * DAY, "2 months"],
    [400 * DAY, "13 months"],
    [24 * 30 * DAY, "24 months"],
    [730 * DAY, "2 years"],
  ])("%p ms", (milliseconds, expected) => {
    expect(humanDuration(milliseconds)).toBe(expected);
  });
});

test("text that is too long ends in an ellipsis, counted in characters", () => {
  expect(ellipsis("/docker-entrypoint.sh nginx", 20)).toBe("/docker-entrypoint.…");
  expect(ellipsis("short", 20)).toBe("short");
  expect(ellipsis("😀😀😀", 2)).toBe("😀…");
});

test("ids are twelve digits, whatever was before them", () => {
  expect(shortId(`sha256:${"ab".repeat(32)}`)).toBe("abababababab");
  expect(shortId("cd".repeat(32))).toBe("cdcdcdcdcdcd");
});

describe("Go's durations", () => {
  test.each([
    ["0", 0],
    ["10s", 10_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["-2m", -120_000],
    ["250ms", 250],
    [".5s", 500],
  ])("%p", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test.each(["", "10", "s", "1x", "1h 2m", "--1s", "1e3s"])("%j is none", (text) => {
    expect(() => parseDuration(text)).toThrow(`time: invalid duration "${text}"`);
  });
});

describe("points in time", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  test.each([
    ["2013-01-02T13:23:37Z", "2013-01-02T13:23:37.000Z"],
    ["2013-01-02T13:23:37.123456789Z", "2013-01-02T13:23:37.123Z"],
    ["2013-01-02T13:23:37+02:00", "2013-01-02T11:23:37.000Z"],
    ["2013-01-02T13:23Z", "2013-01-02T13:23:00.000Z"],
    ["1700000000", "2023-11-14T22:13:20.000Z"],
    ["1700000000.5", "2023-11-14T22:13:20.500Z"],
    ["42m", "2026-11-25T11:18:00.000Z"],
    ["1h30m", "2026-11-25T10:30:00.000Z"],
  ])("%p", (text, expected) => {
    expect(parseTime(text, now).toISOString()).toBe(expected);
  });

  test("without a zone it is local time", () => {
    expect(parseTime("2013-01-02", now).getTime()).toBe(new Date(2013, 0, 2).getTime());
    expect(parseTime("2013-01-02T03:04:05", now).getTime()).toBe(new Date(2013, 0, 2, 3, 4, 5).getTime());
  });

  test.each(["", "yesterday", "2013-13-01", "2013-01-02T25:00:00Z", "12:00"])("%j is none", (text) => {
    expect(() => parseTime(text, now)).toThrow("neither a time");
  });

  test("are printed as Go prints them", () => {
    const offset = -now.getTimezoneOffset();
    if (offset === 0) expect(goTime(now)).toBe("2026-11-25 12:00:00 +0000 UTC");
    else expect(goTime(now)).toMatch(/^2026-11-2\d \d\d:\d\d:00 ([+-]\d{4}) \1$/);
  });
});
