// A container's name as people write it. Pure.

import { BunkerError } from "../errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Without the slash that docker shows before it; `null`: none was given. @throws BunkerError usage in docker's words */
export function parseContainerName(text: string | null): string | null {
  if (text === null || text === "") return null;
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (NAME.test(name)) return name;
  throw new BunkerError("usage", `invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}
