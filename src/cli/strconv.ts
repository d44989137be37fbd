// Numbers, booleans and quoting as Go's strconv reads and writes them: docker's flags are parsed by it, in its words.

/** Why a word is no value; the flag parser puts the flag before it. */
export class ScanError extends Error {}

const TRUE_WORDS = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE_WORDS = new Set(["0", "f", "F", "FALSE", "false", "False"]);
const MAX_INT64 = 2n ** 63n - 1n;
/** An optional sign, then decimal, 0x, 0o, 0b or a leading 0 for octal; underscores only between digits. */
const INTEGER = /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;
const DECIMAL = /^[+-]?[0-9]+$/;
/** More digits than any 64-bit number has, in any of the bases. */
const MAX_DIGITS = 100;

/** @throws ScanError in strconv's words */
export function parseBoolean(text: string): boolean {
  if (TRUE_WORDS.has(text)) return true;
  if (FALSE_WORDS.has(text)) return false;
  throw new ScanError(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
}

/** As a flag reads it, with Go's prefixes (`0x1f`, `1_000`). @throws ScanError in strconv's words */
export function parseInteger(text: string): number {
  const match = INTEGER.exec(text);
  if (match === null) throw invalidInteger(text);
  const [, sign = "", word = ""] = match;
  const digits = word.replaceAll("_", "");
  if (digits.length > MAX_DIGITS) throw outOfRange(text);
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return toNumber(text, sign === "-" ? -value : value);
}

/** Digits only. @throws ScanError in strconv's words */
export function parseDecimal(text: string): number {
  if (!DECIMAL.test(text)) throw invalidInteger(text);
  if (text.length > MAX_DIGITS) throw outOfRange(text);
  return toNumber(text, BigInt(text.startsWith("+") ? text.slice(1) : text));
}

function invalidInteger(text: string): ScanError {
  return new ScanError(`strconv.ParseInt: parsing ${quote(text)}: invalid syntax`);
}

function toNumber(text: string, value: bigint): number {
  if (value > MAX_INT64 || value < -MAX_INT64 - 1n) throw outOfRange(text);
  return Number(value);
}

function outOfRange(text: string): ScanError {
  return new ScanError(`strconv.ParseInt: parsing ${quote(text)}: value out of range`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};
// Controls, format characters (bidirectional overrides among them), line separators, lone surrogates, unusual spaces.
const UNPRINTABLE = /["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]|(?! )\p{Zs}/gu;
const WIDE = 0xffff;
const BYTE = 0x7f;

/** strconv.Quote: a double-quoted Go string with nothing unprintable left in it. */
export function quote(text: string): string {
  return `"${text.replace(UNPRINTABLE, (character) => ESCAPES[character] ?? escapeCodePoint(character))}"`;
}

/** `\x1b`, `\u202e`, `\U000e0001`. */
export function escapeCodePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= BYTE) return `\\x${hex.padStart(2, "0")}`;
  return code <= WIDE ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** C's and Go's %.<digits>g: so many significant digits, no trailing zeros, an exponent when it is shorter. */
export function formatGeneral(value: number, digits: number): string {
  if (value === 0) return "0";
  const significant = Math.max(digits, 1);
  const [mantissa = "", power = "0"] = value.toExponential(significant - 1).split("e");
  const exponent = Number(power);
  const trim = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= significant) {
    return padExponent(`${trim(mantissa)}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`);
  }
  return trim(value.toFixed(Math.max(significant - 1 - exponent, 0)));
}

/** Go writes at least two digits of exponent. */
export function padExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}
