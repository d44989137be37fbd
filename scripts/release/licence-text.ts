// The words of well-known licences, for parts that come without a copy: from the Rust toolchain and the system, which have them for their
// own, else from another part under just that licence.

import { existsSync, readFileSync } from "node:fs";
import type { Material } from "./materials.ts";

/** Debian's names. */
const SYSTEM = "/usr/share/common-licenses";
const SYSTEM_NAMES: Readonly<Record<string, string>> = {
  "LGPL-2.0-only": "LGPL-2",
  "LGPL-2.1-only": "LGPL-2.1",
  "Apache-2.0": "Apache-2.0",
};

/** `(MIT OR Apache-2.0) AND Unicode-3.0` → the three. */
function idsOf(expression: string): string[] {
  return expression.split(/[\s()/]+/).filter((word) => word !== "" && !/^(?:AND|OR|WITH)$/.test(word));
}

/** Every part with texts. @throws naming those for which there are none */
export function completeTexts(parts: readonly Material[]): Material[] {
  const sysroot = Bun.spawnSync(["rustc", "--print", "sysroot"]).stdout.toString().trim();
  const wordsOf = (id: string): string | null => {
    const places = [`${sysroot}/share/doc/rust/licenses/${id}.txt`, `${SYSTEM}/${SYSTEM_NAMES[id] ?? "none"}`];
    const place = places.find(existsSync);
    if (place !== undefined) return readFileSync(place, "utf8").trim();
    return parts.find(({ licence, texts }) => licence === id && texts.length === 1)?.texts[0] ?? null;
  };
  return parts.map((part) => {
    if (part.texts.length > 0) return part;
    // Licences of its own kind are where it is.
    const own = idsOf(part.licence).filter((id) => id.startsWith("LicenseRef-"));
    const texts = idsOf(part.licence).map((id) => (own.includes(id) ? `See ${part.source ?? part.url}.` : wordsOf(id)));
    if (texts.includes(null) || texts.length === 0) {
      throw new Error(`no words of ${part.licence}, the licence of ${part.name}`);
    }
    return { ...part, texts: texts as string[] };
  });
}
