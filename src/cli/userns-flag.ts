// `--userns`, in docker's and podman's words.

import type { UsernsRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";

/** Why not: each needs files that belong to nobody else inside, and so a copy of all layers. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  auto: "Containers have a user namespace of their own already, with the same ids as all others of yours.",
  nomap: "Your own files, which is where images lie, could not be opened in it.",
};
const KEEP = "keep-id";
const OPTION = /^(uid|gid)=(\d{1,10})$/;
const LARGEST_ID = 0x7f_ff_ff_ff;

/** `caller`: who keep-id is about, unless it says otherwise. `null`: as always. @throws BunkerError usage in docker's words, or unsupported */
export function parseUserns(text: string | null, caller: { uid: number; gid: number }): UsernsRequest | null {
  if (text === null || text === "" || text === "private") return null;
  if (text === "host") return { kind: "host" };
  const [mode = "", options] = text.split(/:(.*)/s);
  if (mode === KEEP) return parseKeep(options, caller);
  const why = Object.hasOwn(UNSUPPORTED, mode) ? UNSUPPORTED[mode] : undefined;
  if (why !== undefined) throw new BunkerError("unsupported", `--userns ${mode} is not supported`, { hint: why });
  if (mode === "ns" || mode === "container")
    throw new BunkerError("unsupported", `--userns ${text} is not supported yet`);
  throw new BunkerError("usage", "--userns: invalid USER mode", { hint: "The modes are private, host and keep-id." });
}

function parseKeep(options: string | undefined, caller: { uid: number; gid: number }): UsernsRequest {
  const keep = { kind: "keep" as const, ...caller };
  for (const option of options?.split(",") ?? []) {
    const [, key, value] = OPTION.exec(option) ?? [];
    if (key === undefined || Number(value) > LARGEST_ID) {
      throw new BunkerError("usage", `unknown option specified: "${option}"`, {
        hint: "The options of keep-id are uid=NUMBER and gid=NUMBER.",
      });
    }
    keep[key as "uid" | "gid"] = Number(value);
  }
  return keep;
}
