// Ways for a scripted server to answer: `registry.when({ path: /blobs/ }, truncateAt(100), { times: 1 })`.

import type { ServedAnswer } from "./http-server.ts";
import type { Behaviour } from "./scripted-server.ts";

/** The usual answer with some of it changed. */
export function bend(change: (answer: ServedAnswer) => ServedAnswer): Behaviour {
  return async (_request, usual) => change(await usual());
}

/** An error as the distribution specification has it, or any body. */
export function fail(
  status: number,
  options: { code?: string; message?: string; headers?: Record<string, string>; body?: string } = {},
): Behaviour {
  const { code, message = "scripted failure", headers = {}, body } = options;
  const document = code === undefined ? "" : JSON.stringify({ errors: [{ code, message }] });
  return () => ({ status, headers: { "Content-Type": "application/json", ...headers }, body: body ?? document });
}

export function tooManyRequests(retryAfter?: string): Behaviour {
  const headers = retryAfter === undefined ? {} : { "Retry-After": retryAfter };
  return fail(429, { code: "TOOMANYREQUESTS", message: "You have reached your pull rate limit", headers });
}

export function redirect(location: string, status = 307): Behaviour {
  return () => ({ status, headers: { Location: location } });
}

/** Sends the body up to here and closes the connection. */
export function truncateAt(bytes: number): Behaviour {
  return bend((answer) => ({ ...answer, cutAfter: bytes }));
}

export function resetAt(bytes: number): Behaviour {
  return bend((answer) => ({ ...answer, cutAfter: bytes, reset: true }));
}

/** Sends the body up to here and then nothing more, with the connection open. */
export function stallAt(bytes: number): Behaviour {
  return bend((answer) => ({ ...answer, stallAfter: bytes }));
}

/** Never answers at all. */
export function silence(): Behaviour {
  return async () => await new Promise<ServedAnswer>(() => {});
}

export function drip(bytes: number, everyMs: number): Behaviour {
  return bend((answer) => ({ ...answer, pace: { bytes, everyMs } }));
}

/** Declares this Content-Length (null: none, the body ends with the connection). */
export function claimLength(length: string | number | null): Behaviour {
  return bend((answer) => ({ ...answer, length }));
}

export function chunked(): Behaviour {
  return bend((answer) => ({ ...answer, chunked: true }));
}

export function endless(): Behaviour {
  return bend((answer) => ({ ...answer, chunked: true, endless: true }));
}

export function replaceBody(body: string | Uint8Array): Behaviour {
  return bend((answer) => ({ ...answer, body }));
}

/** Adds or replaces a header; null removes it. */
export function withHeader(name: string, value: string | null): Behaviour {
  return bend((answer) => {
    const others = Object.entries(answer.headers ?? {}).filter(([key]) => key.toLowerCase() !== name.toLowerCase());
    return { ...answer, headers: Object.fromEntries(value === null ? others : [...others, [name, value]]) };
  });
}

/** Gives the whole body where a part was asked for. */
export function ignoreRange(): Behaviour {
  return async (request, usual) => {
    delete request.headers["range"];
    return await usual();
  };
}

/** Sends these bytes in place of an HTTP answer. */
export function raw(bytes: string | Uint8Array, options: { keepOpen?: boolean } = {}): Behaviour {
  return () => ({ raw: bytes, ...options });
}

/** The first request gets the first behaviour, and so on; the last one stays. */
export function inTurn(...behaviours: Behaviour[]): Behaviour {
  let at = 0;
  return (request, usual) => {
    const behaviour = behaviours[Math.min(at, behaviours.length - 1)];
    at += 1;
    if (behaviour === undefined) return usual();
    return behaviour(request, usual);
  };
}
