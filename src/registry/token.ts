// Docker's token protocol (distribution-spec's "registry authentication"): the registry names a realm, we bring it our
// credentials, it gives a token for the registry. The realm is chosen by the registry, so it is the place where credentials
// are stolen (CVE-2020-15157, security.md V70): trust.ts decides whether it may have them.

import { BunkerError } from "../errors.ts";
import { type JsonObject, parseJsonObject } from "../image/index.ts";
import { MAX_TOKEN_BYTES, readBody, readErrorBody } from "./body.ts";
import { REPORT_HINT, TransientError } from "./failure.ts";
import { parseProblem } from "./problem.ts";
import { parseRetryAfter } from "./retry.ts";
import type { Credentials } from "./settings.ts";
import { isHeaderSafe } from "./text.ts";
import type { Answer, Request, Transport } from "./transport.ts";
import type { Trust } from "./trust.ts";

export interface TokenRequest {
  realm: string;
  service: string | null;
  scopes: string[];
  credentials: Credentials | null;
}

/** What a header will carry, and until when (milliseconds of `performance.now`). */
export interface Grant {
  authorization: string;
  expiresAt: number;
}

/** "If omitted, this defaults to 60 seconds"; less than that would be asked for again at every request. */
const MIN_LIFETIME_S = 60;
const MAX_LIFETIME_S = 24 * 3600;
/** Given up a little early, so that a token does not expire on its way. */
const EXPIRY_MARGIN_S = 5;
/** Servers refuse headers of more than 8 to 64 KiB. */
const MAX_TOKEN_LENGTH = 32 * 1024;
const CLIENT_ID = "bunker";

export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function tokenRequest(url: URL, request: TokenRequest): Request {
  const { service, scopes, credentials } = request;
  const identityToken = credentials?.identityToken;
  if (identityToken !== undefined) {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: CLIENT_ID,
      refresh_token: identityToken,
    });
    if (service !== null) form.set("service", service);
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
    return { method: "POST", url, headers, body: form.toString() };
  }
  const target = new URL(url);
  if (service !== null) target.searchParams.set("service", service);
  for (const scope of scopes) target.searchParams.append("scope", scope);
  if (credentials !== null) target.searchParams.set("account", credentials.username);
  const authorization = credentials === null ? {} : { authorization: basicAuthorization(credentials) };
  return { url: target, headers: { accept: "application/json", ...authorization } };
}

function lifetimeSeconds(value: unknown): number {
  const seconds = typeof value === "number" && Number.isFinite(value) ? value : MIN_LIFETIME_S;
  return Math.min(MAX_LIFETIME_S, Math.max(MIN_LIFETIME_S, seconds));
}

/** Reads a token server's answer. `token` goes before OAuth2's `access_token`, as docker has it. @throws BunkerError registry */
export function parseToken(bytes: Uint8Array, host: string): Grant {
  const bad = (reason: string, cause?: unknown): BunkerError =>
    new BunkerError("registry", `token server ${JSON.stringify(host)}: ${reason}`, {
      hint: REPORT_HINT,
      cause,
    });
  let document: JsonObject;
  try {
    document = parseJsonObject(bytes, "answer", MAX_TOKEN_BYTES);
  } catch (error) {
    throw bad((error as Error).message, error);
  }
  const token = document["token"] || document["access_token"];
  if (typeof token !== "string" || token === "") throw bad("its answer holds no token");
  if (token.length > MAX_TOKEN_LENGTH) throw bad("its token is too long");
  // A line break in it would write headers of its own.
  if (!isHeaderSafe(token)) throw bad("its token holds characters that no token may have");
  const seconds = lifetimeSeconds(document["expires_in"]) - EXPIRY_MARGIN_S;
  return { authorization: `Bearer ${token}`, expiresAt: performance.now() + seconds * 1000 };
}

/** Why no token was given; null when the server only wants to know who we are and we cannot say. */
async function tokenFailure(answer: Answer, hasCredentials: boolean): Promise<BunkerError | null> {
  const { status, url } = answer;
  const host = JSON.stringify(url.host);
  if (status >= 300 && status < 400) {
    answer.close();
    return new BunkerError("registry", `token server ${host} redirects elsewhere, which is refused`, {
      hint: REPORT_HINT,
    });
  }
  const { message } = parseProblem(await readErrorBody(answer));
  const detail = message === "" ? "" : `: ${message}`;
  const isRefusal = status === 400 || status === 401 || status === 403;
  if (isRefusal && !hasCredentials) return null;
  if (isRefusal) {
    return new BunkerError(
      "unauthorized",
      `token server ${host} refused the credentials${detail || ": incorrect username or password"}`,
      {
        hint: "Log in again, or remove the entry from the auth file.",
      },
    );
  }
  const text = `token server ${host} answered with status ${status}${detail}`;
  const retryAfterMs = parseRetryAfter(answer.headers.get("retry-after"), Date.now());
  if (status === 429 || status >= 500)
    return new TransientError("registry", text, { hint: "Try again later.", retryAfterMs });
  return new BunkerError("registry", text, { hint: REPORT_HINT });
}

/** Asks for a token; null: it wants credentials and there are none. Follows no redirect: that would carry credentials on. */
export async function requestToken(transport: Transport, trust: Trust, request: TokenRequest): Promise<Grant | null> {
  const what = `registry ${JSON.stringify(trust.host)} sends us for a token`;
  const realm = trust.parseTarget(request.realm, null, what);
  await transport.ensureHostAllowed(realm, what);
  const answer = await transport.send(tokenRequest(realm, request));
  if (answer.status !== 200) {
    const failure = await tokenFailure(answer, request.credentials !== null);
    if (failure !== null) throw failure;
    return null;
  }
  return parseToken(await readBody(answer, MAX_TOKEN_BYTES, "token"), realm.host);
}
