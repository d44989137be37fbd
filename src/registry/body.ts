// Small bodies read into memory, never beyond a limit, whatever Content-Length says.

import { BunkerError } from "../errors.ts";
import { REPORT_HINT } from "./failure.ts";
import type { Answer } from "./transport.ts";

/** security.md §3. */
export const MAX_TOKEN_BYTES = 1024 * 1024;
export const MAX_ERROR_BYTES = 1024 * 1024;

/** Less than a new connection costs. */
const MAX_DISCARDED_BYTES = 64 * 1024;
/** A small body that takes longer than this many times the silence we allow is being dripped at us. */
const MAX_BODY_TIMEOUTS = 5;

/** Collects at most `limit` bytes and says whether there were more; the rest is not read. */
async function collect(answer: Answer, limit: number): Promise<{ bytes: Uint8Array; more: boolean }> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const deadline = performance.now() + answer.timeoutMs * MAX_BODY_TIMEOUTS;
  for (;;) {
    const chunk = await answer.read();
    if (chunk === null) return { bytes: Buffer.concat(chunks, total), more: false };
    chunks.push(chunk);
    total += chunk.byteLength;
    if (performance.now() > deadline) {
      answer.close();
      throw new BunkerError("network", `reading from ${JSON.stringify(answer.url.host)}: the answer comes too slowly`, {
        hint: "Check your network, and try again.",
      });
    }
    if (total > limit) {
      answer.close();
      return { bytes: Buffer.concat(chunks, limit), more: true };
    }
  }
}

/** The whole body. `what` opens the message, as in `manifest of "alpine"`. @throws BunkerError registry when it is larger */
export async function readBody(answer: Answer, limit: number, what: string): Promise<Uint8Array> {
  const declared = Number(answer.headers.get("content-length") ?? "0");
  const tooLarge = (): BunkerError =>
    new BunkerError("registry", `${what}: registry ${JSON.stringify(answer.url.host)} sent more than ${limit} bytes`, {
      hint: REPORT_HINT,
    });
  if (declared > limit) {
    answer.close();
    throw tooLarge();
  }
  const { bytes, more } = await collect(answer, limit);
  if (more) throw tooLarge();
  return bytes;
}

/** As much of an error's body as is of use; an incomplete one counts as none. */
export async function readErrorBody(answer: Answer): Promise<Uint8Array> {
  try {
    const { bytes, more } = await collect(answer, MAX_ERROR_BYTES);
    return more ? new Uint8Array() : bytes;
  } catch {
    return new Uint8Array();
  }
}

/** Gets rid of a body nobody wants: read when it is short, so that the connection can be used again, else cut off. */
export async function discard(answer: Answer): Promise<void> {
  const declared = answer.headers.get("content-length");
  if (declared === null || !(Number(declared) <= MAX_DISCARDED_BYTES)) return answer.close();
  try {
    await collect(answer, MAX_DISCARDED_BYTES);
  } catch {
    // Nothing of it was wanted.
  }
}
