// The papers of a release: licences for people, the bill of materials for machines.

import type { Material } from "./materials.ts";

/** What the LGPL asks of those who give away a program that has such a library linked into it. */
const RELINKING = `The program consists of Bun's, unchanged, and of what is appended to it. To link it with a changed JavaScriptCore or
tinycc, build Bun from its source with that (https://github.com/oven-sh/bun), put the new program in the place of the package
@oven/bun-linux-x64 or @oven/bun-linux-aarch64 in node_modules, and build bunker from its own source: npm run build.`;

const RULE = "=".repeat(79);

/** Every part with its licence; texts that are the same stand there once. */
export function licences(parts: Material[]): string {
  const list = parts.map(({ name, version, licence }) => `${name} ${version}: ${licence}`).join("\n");
  const owners = new Map<string, string[]>();
  for (const { name, texts } of parts) {
    for (const text of texts) owners.set(text, [...(owners.get(text) ?? []), name]);
  }
  const texts = [...owners].map(([text, names]) => `${RULE}\n${names.join(", ")}\n${RULE}\n\n${text}\n`);
  return `bunker is licensed under Apache-2.0. Inside it are:\n\n${list}\n\n${RELINKING}\n\n${texts.join("\n")}`;
}

/** CycloneDX 1.5. */
export function billOfMaterials(version: string, parts: Material[]): string {
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: { type: "application", name: "bunker", version, licenses: [{ license: { id: "Apache-2.0" } }] },
    },
    components: parts.map(({ name, version: of, licence, url, source }) => ({
      type: "library",
      name,
      version: of,
      purl: url,
      licenses: [{ expression: licence.replaceAll("/", " OR ") }],
      ...(source === undefined ? {} : { externalReferences: [{ type: "website", url: source }] }),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
