// One line of comma-separated values, quoted as Go's encoding/csv reads them.

import { BunkerError } from "../errors.ts";

/** `a,"b,c",d` → its fields. @throws BunkerError usage in Go's words */
export function parseCsvLine(text: string): string[] {
  if (text === "") throw new BunkerError("usage", "EOF");
  const fields: string[] = [];
  for (let at = 0; at <= text.length;) {
    const field = text[at] === '"' ? readQuoted(text, at) : readBare(text, at);
    fields.push(field.value);
    at = field.next;
  }
  return fields;
}

interface Field {
  value: string;
  /** Where the next field begins, behind the comma. */
  next: number;
}

function readBare(text: string, start: number): Field {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const value = text.slice(start, end);
  const quote = value.indexOf('"');
  if (quote >= 0) throw parseError(start + quote, 'bare " in non-quoted-field');
  return { value, next: end + 1 };
}

/** `""` inside is one quote. */
function readQuoted(text: string, start: number): Field {
  let value = "";
  for (let at = start + 1; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw parseError(text.length, 'extraneous or missing " in quoted-field');
    value += text.slice(at, quote);
    const after = text[quote + 1];
    if (after !== '"') {
      if (after !== undefined && after !== ",") throw parseError(quote, 'extraneous or missing " in quoted-field');
      return { value, next: quote + 2 };
    }
    value += '"';
    at = quote + 2;
  }
}

function parseError(at: number, what: string): BunkerError {
  return new BunkerError("usage", `parse error on line 1, column ${at + 1}: ${what}`);
}
