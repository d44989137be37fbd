// The network's numbers beside the limit's, and whether ours are what they should be. Pure.

import { layOut, round } from "../table.ts";

export interface NetworkRow {
  what: string;
  unit: string;
  /** By contestant; nothing where there is no such thing, or a word for why. */
  values: Record<string, number | string>;
  /** For ours: a value, or how many times the limit's. */
  aim?: Aim;
}

export interface Aim {
  sign: "≥" | "≤";
  value: number;
  ofLimit: boolean;
}

interface Columns {
  /** The bare veth. */
  limit: string;
  ours: string;
  others: string[];
}

export function renderNetworkTable(rows: NetworkRow[], { limit, ours, others }: Columns): string {
  const names = [limit, ours, ...others];
  const lines = rows.map((row) => [
    row.unit === "" ? row.what : `${row.what}, ${row.unit}`,
    ...names.map((name) => show(row.values[name], name === limit ? undefined : row.values[limit])),
    verdict(row, limit, ours),
  ]);
  return layOut([["", ...names, "aim"], ...lines]);
}

function show(value: number | string | undefined, limit: number | string | undefined): string {
  if (typeof value !== "number") return value ?? "";
  return typeof limit === "number" && limit > 0 ? `${round(value)} (${(value / limit).toFixed(2)})` : round(value);
}

function verdict({ values, aim }: NetworkRow, limit: string, ours: string): string {
  if (aim === undefined) return "";
  const [value, bare] = [values[ours], values[limit]];
  if (typeof value !== "number" || (aim.ofLimit && typeof bare !== "number")) return "MISSED";
  const compared = aim.ofLimit ? value / Number(bare) : value;
  const met = aim.sign === "≥" ? compared >= aim.value : compared <= aim.value;
  return `${met ? "met" : "MISSED"}: ${aim.sign} ${aim.ofLimit ? `(${aim.value.toFixed(2)})` : aim.value}`;
}
