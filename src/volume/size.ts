// Sizes as docker reads them (units.RAMInBytes): `64m`, `1.5g`, `10KiB`; every unit is a power of 1024.

const SIZE = /^(\d+(?:\.\d+)?|\.\d+) ?([kKmMgGtTpP])?[iI]?[bB]?$/;
const STEP = 1024;
const UNITS = "kmgtp";

/** `null`: no size. */
export function parseBytes(text: string): number | null {
  const match = SIZE.exec(text);
  if (match === null) return null;
  const [, amount = "", unit] = match;
  const power = unit === undefined ? 0 : UNITS.indexOf(unit.toLowerCase()) + 1;
  const bytes = Math.trunc(Number(amount) * STEP ** power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
