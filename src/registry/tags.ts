// The names of a repository's images, page by page (OCI distribution specification, "Content Discovery").

import { BunkerError } from "../errors.ts";
import { isTag, MAX_DOCUMENT_BYTES, parseJsonObject } from "../image/index.ts";
import { readBody } from "./body.ts";
import type { Subject } from "./problem.ts";
import { withRetries } from "./retry.ts";
import type { Session } from "./session.ts";

/** As many at once as most registries give. */
const PAGE = 1000;
/** More names than anybody pulls; a registry that goes on for ever must not. */
const MOST = 100_000;

/** All of them, in the registry's order. What is no tag is left out: nobody could ask for it. */
export async function listTags(session: Session, subject: Subject, signal: AbortSignal | null): Promise<string[]> {
  const tags = new Set<string>();
  const what = `tags of ${JSON.stringify(subject.shown)}`;
  for (let last: string | null = ""; last !== null;) {
    const after: string = last === "" ? "" : `&last=${encodeURIComponent(last)}`;
    const request = { path: `tags/list?n=${PAGE}${after}`, headers: {}, subject, signal, accepted: [200] };
    const { bytes, link } = await withRetries(session.patience(signal), async () => {
      const answer = await session.get(request);
      return { bytes: await readBody(answer, MAX_DOCUMENT_BYTES, what), link: answer.headers.get("link") };
    });
    const before = tags.size;
    const page = parseJsonObject(bytes, what)["tags"];
    for (const tag of Array.isArray(page) ? page : []) if (typeof tag === "string" && isTag(tag)) tags.add(tag);
    if (tags.size > MOST) throw new BunkerError("invalid-image", `${what}: more than ${MOST}`);
    // Nothing new: the same page again, or the end.
    last = tags.size === before ? null : nextAfter(link);
  }
  return [...tags];
}

/** Of `</v2/name/tags/list?last=v1&n=1000>; rel="next"` only where the next page begins: whom to ask is not the registry's to say. */
function nextAfter(link: string | null): string | null {
  const [, target] = /^\s*<([^<>]*)>\s*;.*rel="?next"?/.exec(link ?? "") ?? [];
  if (target === undefined || !URL.canParse(target, "https://registry.invalid/")) return null;
  const last = new URL(target, "https://registry.invalid/").searchParams.get("last");
  return last === null || last === "" ? null : last;
}
