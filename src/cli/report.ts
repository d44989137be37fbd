// A failure as lines on standard error: what went wrong, and what to do about it.

import type { BunkerError } from "../errors.ts";
import { printable } from "./output.ts";

/** What is shown of a long message: its beginning, and the reason, which comes last. */
const HEAD = 3000;
const TAIL = 1000;
const BOLD_RED = "\u001b[1;31m";
const DIM = "\u001b[2m";
const RESET = "\u001b[0m";

/** `bunker: …` and, if there is one, `hint: …`. Text of strangers cannot steer the terminal. */
export function renderError(error: BunkerError, coloured = isColoured()): string {
  const paint = (style: string, text: string): string => (coloured ? style + text + RESET : text);
  const lines = [`${paint(BOLD_RED, "bunker:")} ${printable(abridged(error.message))}`];
  if (error.hint !== undefined) lines.push(paint(DIM, `hint: ${printable(abridged(error.hint))}`));
  return `${lines.join("\n")}\n`;
}

/** Without the middle where it is longer than a screen: somebody's word of a hundred thousand letters is known by its ends. */
function abridged(text: string): string {
  if (text.length <= HEAD + TAIL) return text;
  return `${text.slice(0, HEAD)} … ${text.slice(-TAIL)}`;
}

/** Anything that is not a BunkerError is our fault: said so, with what is needed to find it. */
export function renderBug(error: unknown, version: string): string {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = detail.split("\n").map(printable);
  return `bunker: this is a bug in bunker, please report it (${version})\n${lines.join("\n")}\n`;
}

/** Only on a terminal that can, and not against NO_COLOR (no-color.org). */
function isColoured(): boolean {
  const { NO_COLOR, TERM } = process.env;
  if ((NO_COLOR !== undefined && NO_COLOR !== "") || TERM === undefined || TERM === "dumb") return false;
  // Not the addon's: it may not be loaded, or be what failed.
  const { isatty } = import.meta.require("node:tty") as typeof import("node:tty");
  return isatty(2);
}
