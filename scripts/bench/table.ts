// Numbers to text: medians, ratios, a table that reads well on a terminal and as Markdown. Pure.

export interface Row {
  what: string;
  unit: string;
  /** By engine; nothing where it was not measured, or a word for why. */
  values: Record<string, number | string>;
  /** At most this, for the first engine. */
  budget?: number;
  /** The first engine must be at least this many times better than the best of the others. */
  factor?: number;
}

export function median(numbers: number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function renderTable(rows: Row[], engines: string[]): string {
  const [ours = "", ...others] = engines;
  const head = ["", ...engines, ...others.map((name) => `× ${name}`), "budget"];
  const lines = rows.map((row) => [
    row.what,
    ...engines.map((name) => show(row.values[name], row.unit)),
    ...others.map((name) => ratio(row.values[ours], row.values[name])),
    verdict(row, ours, others),
  ]);
  return layOut([head, ...lines]);
}

/** The first line is the head, the first column words. */
export function layOut(lines: string[][]): string {
  const [head = [], ...body] = lines;
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  const draw = (cells: string[]) =>
    `| ${cells.map((cell, column) => pad(cell, widths[column] ?? 0, column > 0)).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column > 0 ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2))).join("|")}|`;
  return [draw(head), rule, ...body.map(draw)].join("\n");
}

function pad(text: string, width: number, right: boolean): string {
  return right ? text.padStart(width) : text.padEnd(width);
}

function show(value: number | string | undefined, unit: string): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : `${round(value)} ${unit}`;
}

export function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** How many times more the other one takes. */
function ratio(ours: number | string | undefined, other: number | string | undefined): string {
  return typeof ours === "number" && typeof other === "number" && ours > 0 ? (other / ours).toFixed(1) : "";
}

function verdict({ values, budget, factor, unit }: Row, ours: string, others: string[]): string {
  const value = values[ours];
  if (typeof value !== "number") return "";
  const peers = others.map((name) => values[name]).filter((peer) => typeof peer === "number");
  const wanted = factor === undefined || peers.length === 0 ? undefined : Math.min(...peers) / factor;
  const limits = [budget, wanted].filter((limit) => limit !== undefined);
  if (limits.length === 0) return "";
  const limit = Math.min(...limits);
  return `${value <= limit ? "met" : "MISSED"}: ≤ ${round(limit)} ${unit}`;
}
