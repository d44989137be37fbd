// Columns as Go's tabwriter lays them out for docker: cells end in a tab, a column is as wide as its widest cell in a run
// of lines that have it, three spaces between, none narrower than ten.

const MIN_WIDTH = 10;
const PADDING = 3;

/** Lines of tab-separated cells → aligned text. Ends in a newline if there is any line. */
export function alignColumns(lines: readonly string[]): string {
  const rows = lines.map((line) => line.split("\t"));
  const widths = rows.map((row) => row.map((cell) => width(cell)));
  measure(widths, { from: 0, to: rows.length, column: 0 });
  let text = "";
  for (const [index, row] of rows.entries()) {
    for (const [column, cell] of row.entries()) {
      const missing = (widths[index]?.[column] ?? 0) - width(cell);
      text += column === row.length - 1 ? cell : cell + " ".repeat(missing);
    }
    text += "\n";
  }
  return text;
}

interface Block {
  from: number;
  to: number;
  column: number;
}

/** Gives the cells of a column, run by run, their common width. The last cell of a line is not ended by a tab: no column. */
function measure(widths: number[][], block: Block): void {
  const { column } = block;
  const has = (row: number): boolean => (widths[row]?.length ?? 0) > column + 1;
  for (let row = block.from; row < block.to; row++) {
    if (!has(row)) continue;
    let end = row;
    let widest = MIN_WIDTH;
    for (; end < block.to && has(end); end++) widest = Math.max(widest, (widths[end]?.[column] ?? 0) + PADDING);
    for (let index = row; index < end; index++) (widths[index] as number[])[column] = widest;
    measure(widths, { from: row, to: end, column: column + 1 });
    row = end;
  }
}

/** tabwriter counts characters, not columns of the terminal. */
function width(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
