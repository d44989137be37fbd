// `--detach-keys`: the keys that leave a container running. docker's syntax; the keeper watches for them.

import { BunkerError } from "../errors.ts";
import { dockerConfig } from "./docker-config.ts";

const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";
const KEY = /^(?:[\x20-\x7e]|ctrl-[a-zA-Z@[\\\]^_])$/;

/** What the flag says, else docker's config.json, else docker itself. @throws BunkerError usage */
export function chooseDetachKeys(flag: string | null): string {
  return parseDetachKeys(flag ?? dockerConfig().detachKeys);
}

/** Checked and given back; empty means there are none. @throws BunkerError usage */
export function parseDetachKeys(text: string | null): string {
  if (text === null) return DEFAULT_DETACH_KEYS;
  if (text !== "" && !text.split(",").every((key) => KEY.test(key))) {
    throw new BunkerError("usage", `invalid detach keys (${text}) provided`, {
      hint: "Keys are separated by commas: a character, or ctrl- and one of a-z @ [ \\ ] ^ _.",
    });
  }
  return text;
}
