// The papers of a release: licences for people, the bill of materials for machines.

import type { Material } from "./materials.ts";

const RULE = "=".repeat(79);

/** Every part with its licence; texts that are the same stand there once. */
export function licences(parts: Material[]): string {
  const list = parts.map(({ name, version, licence }) => `${name} ${version}: ${licence}`).join("\n");
  const owners = new Map<string, string[]>();
  for (const { name, texts } of parts) {
    for (const text of texts) owners.set(text, [...(owners.get(text) ?? []), name]);
  }
  const texts = [...owners].map(([text, names]) => `${RULE}\n${names.join(", ")}\n${RULE}\n\n${text}\n`);
  return `bunker is licensed under Apache-2.0. Inside it are:\n\n${list}\n\n${texts.join("\n")}`;
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
    components: parts.map(({ name, version: of, licence, url }) => ({
      type: "library",
      name,
      version: of,
      purl: url,
      licenses: [{ expression: licence.replaceAll("/", " OR ") }],
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
