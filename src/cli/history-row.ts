// A step of an image's history as a row of `history`, in docker's words. Pure.

import type { HistoryStep } from "../engine/index.ts";
import type { Listing, Row } from "./format.ts";
import { rfc3339 } from "./time.ts";
import { ago, columnSize, ellipsis, shortId } from "./units.ts";

export const HISTORY_LISTING: Listing = {
  headings: {
    ID: "IMAGE",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    CreatedBy: "CREATED BY",
    Size: "SIZE",
    Comment: "COMMENT",
  },
  columns: ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"],
  raw: "raw",
  type: "*image.historyContext",
};

const MISSING = "<missing>";
/** Letters of a command that docker shows. */
const COMMAND_LENGTH = 45;
/** docker: what is older was not made then, but says so to be reproducible. */
const EPOCH = Date.UTC(2000, 0, 1);
/** Go's zero time. */
const NEVER = "0001-01-01T00:00:00Z";

export interface HistoryOptions {
  now: Date;
  truncate: boolean;
  /** Sizes and times for people. */
  human: boolean;
}

export function historyRow(step: HistoryStep, { now, truncate, human }: HistoryOptions): Row {
  const created = step.createdAt === null ? null : new Date(step.createdAt);
  const command = step.createdBy.replaceAll("\t", " ");
  const id = step.id ?? MISSING;
  const createdAt = created === null ? NEVER : rfc3339(created);
  const since = created === null || created.getTime() <= EPOCH ? "" : ago(created, now);
  // By name, as docker's JSON has them.
  return {
    Comment: step.comment,
    CreatedAt: createdAt,
    CreatedBy: truncate ? ellipsis(command, COMMAND_LENGTH) : command,
    CreatedSince: human ? since : createdAt,
    ID: truncate && step.id !== null ? shortId(id) : id,
    Size: human ? columnSize(step.size) : String(step.size),
  };
}
