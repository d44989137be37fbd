// Go's fmt.Sprintf for what templates hold: strings, numbers, booleans, lists, maps.

import { formatGeneral, padExponent, quote } from "../strconv.ts";
import { GoNil, goText, isMap, isStruct, sortedKeys, typeName } from "./value.ts";

interface Spec {
  verb: string;
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | null;
  precision: number | null;
}

const DIRECTIVE = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([\s\S]|$)/gu;
/** Go refuses wider ones (and so keeps a template from filling memory). */
const MAX_WIDTH = 1_000_000;

/** `%d`, `%-10s`, `%q`, `%v`, `%x` … with Go's complaints about what does not fit. */
export function sprintf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const take = (): { value: unknown } | null => (next < values.length ? { value: values[next++] } : null);
  const text = format.replace(DIRECTIVE, (...groups: unknown[]) => {
    const [, flags, width, precision, verb] = groups as [
      string,
      string,
      string | undefined,
      string | undefined,
      string,
    ];
    if (verb === "") return "%!(NOVERB)";
    if (verb === "%") return "%";
    return directive({ flags, width, precision, dotted: String(groups[0]).includes("."), verb }, take);
  });
  const extra = values.slice(next).map((value) => `${typeName(value)}=${goText(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(", ")})`;
}

interface Raw {
  flags: string;
  width: string | undefined;
  precision: string | undefined;
  dotted: boolean;
  verb: string;
}

function directive(raw: Raw, take: () => { value: unknown } | null): string {
  const number = (word: string | undefined): number | null | undefined => {
    if (word === undefined) return null;
    const value = word === "*" ? take()?.value : Number(word);
    return typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= MAX_WIDTH ? value : undefined;
  };
  const width = number(raw.width);
  const precision = raw.dotted && raw.precision === undefined ? 0 : number(raw.precision);
  const taken = take();
  const complaint = width === undefined ? "%!(BADWIDTH)" : precision === undefined ? "%!(BADPREC)" : "";
  if (taken === null) return `${complaint}%!${raw.verb}(MISSING)`;
  const spec: Spec = {
    verb: raw.verb,
    minus: raw.flags.includes("-") || (width ?? 0) < 0,
    // `%+v` is about structs' field names, not about signs.
    plus: raw.flags.includes("+") && raw.verb !== "v",
    sharp: raw.flags.includes("#"),
    space: raw.flags.includes(" "),
    zero: raw.flags.includes("0"),
    width: width === null || width === undefined ? null : Math.abs(width),
    precision: precision ?? null,
  };
  return complaint + formatValue(spec, taken.value);
}

function formatValue(spec: Spec, value: unknown): string {
  if (spec.verb === "T") return pad(spec, typeName(value), false);
  if (Array.isArray(value)) return `[${value.map((item) => formatValue(spec, item)).join(" ")}]`;
  if (value instanceof GoNil) return value.kind === "slice" ? "[]" : "map[]";
  if (isMap(value)) {
    const entries = sortedKeys(value).map((key) => `${formatValue(spec, key)}:${formatValue(spec, value.get(key))}`);
    return `map[${entries.join(" ")}]`;
  }
  if (isStruct(value))
    return `{${Object.values(value)
      .map((item) => formatValue(spec, item))
      .join(" ")}}`;
  if (typeof value === "string") return formatString(spec, value) ?? mismatch(spec, value);
  if (typeof value === "number") return formatNumber(spec, value) ?? mismatch(spec, value);
  if (typeof value === "boolean" && "tv".includes(spec.verb)) return pad(spec, String(value), false);
  if (value === null || value === undefined)
    return spec.verb === "v" ? pad(spec, "<nil>", false) : `%!${spec.verb}(<nil>)`;
  return mismatch(spec, value);
}

function mismatch(spec: Spec, value: unknown): string {
  return `%!${spec.verb}(${typeName(value)}=${goText(value)})`;
}

function formatString(spec: Spec, value: string): string | null {
  const characters = spec.precision === null ? value : [...value].slice(0, spec.precision).join("");
  switch (spec.verb) {
    case "s":
      return pad(spec, characters, spec.zero);
    case "v":
      return pad(spec, spec.sharp ? quote(characters) : characters, spec.zero);
    case "q":
      return pad(
        spec,
        spec.sharp && !/[`\p{Cc}\u007f]/u.test(characters) ? `\`${characters}\`` : quote(characters),
        false,
      );
    case "x":
    case "X": {
      const hex = Buffer.from(value, "utf8").toString("hex");
      return pad(spec, spec.verb === "x" ? hex : hex.toUpperCase(), false);
    }
    default:
      return null;
  }
}

const RADIX: Readonly<Record<string, [radix: number, prefix: string]>> = {
  d: [10, ""],
  v: [10, ""],
  b: [2, "0b"],
  o: [8, "0"],
  O: [8, "0o"],
  x: [16, "0x"],
  X: [16, "0X"],
};

function formatNumber(spec: Spec, value: number): string | null {
  if ("feEgGF".includes(spec.verb)) return signed(spec, value, formatFloat(spec, Math.abs(value)));
  if (!Number.isInteger(value)) return spec.verb === "v" ? signed(spec, value, goText(Math.abs(value))) : null;
  if (spec.verb === "c") return pad(spec, codePoint(value), false);
  if (spec.verb === "q") return pad(spec, `'${codePoint(value)}'`, false);
  if (spec.verb === "U") return pad(spec, `U+${value.toString(16).toUpperCase().padStart(4, "0")}`, false);
  const radix = Object.hasOwn(RADIX, spec.verb) ? RADIX[spec.verb] : undefined;
  if (radix === undefined) return null;
  let digits = BigInt(Math.abs(value)).toString(radix[0]);
  if (spec.verb === "X") digits = digits.toUpperCase();
  if (spec.precision !== null) digits = digits.padStart(spec.precision, "0");
  const prefix = spec.sharp || spec.verb === "O" ? radix[1] : "";
  return signed({ ...spec, zero: spec.zero && spec.precision === null }, value, prefix + digits);
}

function codePoint(value: number): string {
  return value >= 0 && value <= 0x10ffff ? String.fromCodePoint(value) : "\ufffd";
}

/** %g's default is the shortest text that reads back the same; the others have six digits. */
function formatFloat(spec: Spec, value: number): string {
  const digits = Math.min(spec.precision ?? 6, 100);
  const verb = spec.verb.toLowerCase();
  let text: string;
  if (verb === "f") text = value.toFixed(digits);
  else if (verb === "e") text = padExponent(value.toExponential(digits));
  else text = spec.precision === null ? goText(value) : formatGeneral(value, digits);
  return spec.verb === "E" || spec.verb === "G" ? text.toUpperCase() : text;
}

function signed(spec: Spec, value: number, digits: string): string {
  const sign = value < 0 ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  if (spec.zero && !spec.minus && spec.width !== null) return sign + digits.padStart(spec.width - sign.length, "0");
  return pad(spec, sign + digits, false);
}

function pad(spec: Spec, text: string, zero: boolean): string {
  const missing = (spec.width ?? 0) - [...text].length;
  if (missing <= 0) return text;
  if (spec.minus) return text + " ".repeat(missing);
  return (zero ? "0" : " ").repeat(missing) + text;
}
