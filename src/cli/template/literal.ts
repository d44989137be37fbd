// String, character and number literals of Go (strconv.Unquote and its like).

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\'"]))|\\/g;
const MAX_CODE_POINT = 0x10ffff;

/** `null`: not valid; NaN: no number. */
export function literalValue(kind: string, text: string): string | number | null {
  if (kind === "string") return unquote(text);
  return kind === "character" ? unquoteCharacter(text) : Number(text.replaceAll("_", ""));
}

/** `"a\n"` or a raw string; `null`: not valid. */
function unquote(literal: string): string | null {
  const body = literal.slice(1, -1);
  return literal.startsWith("`") ? body : unescape(body, '"');
}

/** `'a'` → its code point. */
function unquoteCharacter(literal: string): number | null {
  const text = unescape(literal.slice(1, -1), "'");
  if (text === null || [...text].length !== 1) return null;
  return text.codePointAt(0) ?? null;
}

function unescape(body: string, quoteMark: string): string | null {
  let valid = true;
  const text = body.replace(ESCAPE, (_, ...groups: (string | undefined)[]) => {
    const [hex, short, long, octal, simple] = groups;
    if (simple === "'" || simple === '"') {
      valid &&= simple === quoteMark;
      return simple;
    }
    if (simple !== undefined) return SIMPLE[simple] ?? "";
    const digits = hex ?? short ?? long;
    const code = digits === undefined ? Number.parseInt(octal ?? "x", 8) : Number.parseInt(digits, 16);
    valid &&= code <= MAX_CODE_POINT;
    return valid ? String.fromCodePoint(code) : "";
  });
  return valid ? text : null;
}
