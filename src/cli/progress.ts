// A pull as a person sees it: a line per layer, redrawn on a terminal, one line per step elsewhere. Writes through what it is given.

import type { PullEvent } from "../engine/index.ts";
import { printable } from "./output.ts";
import { humanSize } from "./units.ts";

type LayerEvent = Extract<PullEvent, { kind: "layer" }>;

export interface ProgressOptions {
  /** Columns and rows of the terminal; `null`: it is none. */
  size: { columns: number; rows: number } | null;
  write: (text: string) => void;
  /** Milliseconds, from any start. */
  now: () => number;
}

/** Faster than this nobody reads, and drawing costs time. */
const REDRAW_MS = 80;
const BAR_WIDTH = 30;
/** Layer lines never take more of the screen than leaves room for the prompt. */
const SPARE_ROWS = 2;
const WORDS: Readonly<Record<LayerEvent["status"], string>> = {
  waiting: "Pulling fs layer",
  exists: "Already exists",
  downloading: "Downloading",
  unpacking: "Extracting",
  done: "Pull complete",
  retrying: "Retrying",
};

export class PullProgress {
  readonly #options: ProgressOptions;
  /** By digest, in the order they were first heard of. */
  readonly #layers = new Map<string, LayerEvent>();
  #drawnRows = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** A line above the layers. */
  line(text: string): void {
    this.#erase();
    this.#options.write(`${printable(text)}\n`);
    this.#draw();
  }

  /** Lets somebody else write above the layers. */
  aside(write: () => void): void {
    this.#erase();
    write();
    this.#draw();
  }

  layer(event: LayerEvent): void {
    const before = this.#layers.get(event.digest);
    this.#layers.set(event.digest, event);
    const changed = before?.status !== event.status;
    if (this.#options.size === null) {
      if (changed) this.#options.write(`${printable(event.digest)}: ${describe(event)}\n`);
      return;
    }
    const now = this.#options.now();
    if (!changed && now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#erase();
    this.#draw();
  }

  /** Leaves the last state of every layer on the screen. */
  finish(): void {
    this.#erase();
    this.#draw();
    this.#layers.clear();
    this.#drawnRows = 0;
  }

  #erase(): void {
    // Up to the first line, then clear from there on (ECMA-48 CUU, ED).
    if (this.#drawnRows > 0) this.#options.write(`\u001b[${this.#drawnRows}A\u001b[J`);
    this.#drawnRows = 0;
  }

  #draw(): void {
    const { size, write } = this.#options;
    if (size === null || this.#layers.size === 0) return;
    const room = Math.max(size.rows - SPARE_ROWS, 1);
    const lines = visible([...this.#layers.values()], room).map((line) => clip(line, size.columns - 1));
    write(lines.map((line) => `${line}\n`).join(""));
    this.#drawnRows = lines.length;
  }
}

/** All layers if there is room; else those under way first, and how many are not shown. */
function visible(layers: LayerEvent[], room: number): string[] {
  const render = (layer: LayerEvent): string => `${printable(layer.digest)}: ${describe(layer)}${bar(layer)}`;
  if (layers.length <= room) return layers.map(render);
  const finished = (layer: LayerEvent): boolean => layer.status === "done" || layer.status === "exists";
  const ordered = [...layers.filter((layer) => !finished(layer)), ...layers.filter(finished)];
  return [...ordered.slice(0, room - 1).map(render), `… and ${layers.length - room + 1} more layers`];
}

function describe(layer: LayerEvent): string {
  const word = WORDS[layer.status];
  return layer.detail === undefined || layer.detail === "" ? word : `${word} (${printable(layer.detail)})`;
}

/** ` [=====>    ]  1.2MB/3.4MB` for what is under way. */
function bar(layer: LayerEvent): string {
  if (layer.status !== "downloading" && layer.status !== "unpacking") return "";
  const { current, total } = layer;
  if (total <= 0) return current > 0 ? ` ${humanSize(current)}` : "";
  const filled = Math.min(Math.floor((current / total) * BAR_WIDTH), BAR_WIDTH);
  const head = filled === BAR_WIDTH ? "" : ">";
  const drawn = `${"=".repeat(filled)}${head}`.padEnd(BAR_WIDTH);
  return ` [${drawn}]  ${humanSize(Math.min(current, total))}/${humanSize(total)}`;
}

function clip(line: string, columns: number): string {
  return line.length <= columns ? line : line.slice(0, Math.max(columns, 1));
}
