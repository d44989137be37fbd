// `--link`: what one container calls another on a network of both. Pure.

import { BunkerError } from "../errors.ts";

/** Another container by a name of it, and what it is called by one alone. */
export interface LinkRequest {
  name: string;
  alias: string;
}

/** `NAME[:ALIAS]`, or as docker shows it: `/NAME:/OWN/ALIAS`. @throws BunkerError usage in docker's words */
export function parseLinkWord(word: string): LinkRequest {
  const parts = word.split(":");
  const name = (parts[0] ?? "").replace(/^\//, "");
  const alias = (parts[1] ?? name).replace(/^.*\//, "");
  if (name !== "" && alias !== "" && parts.length <= 2) return { name, alias };
  throw new BunkerError("usage", `bad format for links: ${word}`, { hint: "A link is NAME or NAME:ALIAS." });
}
