// What went wrong on the way to a host, in words and with a hint: DNS, connection, TLS, proxy, silence. Knows no HTTP.

import { BunkerError, type BunkerErrorOptions, type ErrorCode } from "../errors.ts";
import { printable } from "./text.ts";

/** A failure that may go away by itself: worth another try. Never leaves this module's retry loop with meaning. */
export class TransientError extends BunkerError {
  constructor(
    code: ErrorCode,
    message: string,
    options: BunkerErrorOptions & { retryAfterMs?: number | null; connected?: boolean } = {},
  ) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.connected = options.connected ?? true;
  }

  /** How long the server asks us to wait. */
  readonly retryAfterMs: number | null;
  /** Whether the host was reached at all; a host that never was is not tried again. */
  readonly connected: boolean;
}

/** For what only the registry can repair. */
export const REPORT_HINT = "Report this to whoever runs the registry.";
const TLS_HINT =
  "If you trust this host, put its authority's certificate into ~/.docker/certs.d/HOST/ca.crt (or SSL_CERT_FILE), or use --tls-verify=false.";
const CLOCK_HINT = "Check this machine's clock; if it is right, the registry's certificate must be renewed.";
const UNKNOWN_AUTHORITY = "certificate signed by unknown authority";

/** OpenSSL's reasons (as Bun names them) in words that say who must do what. */
const TLS_REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  CERT_HAS_EXPIRED: ["certificate has expired", CLOCK_HINT],
  CERT_NOT_YET_VALID: ["certificate is not valid yet", CLOCK_HINT],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "certificate is for another host",
    "Use the name that the certificate was made for, or have it made for this one.",
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: [`${UNKNOWN_AUTHORITY} (self-signed)`, TLS_HINT],
  SELF_SIGNED_CERT_IN_CHAIN: [UNKNOWN_AUTHORITY, TLS_HINT],
  UNABLE_TO_GET_ISSUER_CERT: [UNKNOWN_AUTHORITY, TLS_HINT],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [UNKNOWN_AUTHORITY, TLS_HINT],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [UNKNOWN_AUTHORITY, TLS_HINT],
  CERT_REVOKED: ["certificate was revoked", REPORT_HINT],
  CERT_UNTRUSTED: ["certificate is not trusted", TLS_HINT],
  CERT_REJECTED: ["certificate was rejected", TLS_HINT],
  INVALID_PURPOSE: ["certificate is not one for a server", REPORT_HINT],
  EPROTO: [
    "the TLS handshake failed",
    "If the registry speaks plain HTTP, add it to the insecure registries or use --tls-verify=false; if it wants a client certificate, put it into ~/.docker/certs.d/HOST/.",
  ],
};

/** Reasons that say the host was not reached. */
const UNREACHABLE: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ECONNREFUSED: ["connection refused", "Check host and port, and that the registry is running."],
  ENOTFOUND: ["no such host", "Check the registry's name and your DNS settings."],
  EAI_AGAIN: ["temporary failure in name resolution", "Check your network and DNS settings."],
  EHOSTUNREACH: ["no route to host", "Check your network."],
  ENETUNREACH: ["network is unreachable", "Check your network."],
  EINVAL: ["not an address that can be connected to", "Check the registry's name."],
  ETIMEDOUT: ["connection timed out", "Check your network and firewall."],
  FailedToOpenSocket: [
    "the connection could not be set up",
    "Check host and port, and the certificates in ~/.docker/certs.d.",
  ],
};
/** Of these, the ones that a moment's patience may cure even where nothing was reached before. */
const UNREACHABLE_FOR_NOW = new Set(["EAI_AGAIN", "ETIMEDOUT"]);

/** Answers that are no HTTP: our parser's names for them. */
const NOT_HTTP = new Set([
  "InvalidContentLength",
  "InvalidHTTPResponse",
  "Malformed_HTTP_Response",
  "ResponseHeadersTooLarge",
  "UnrequestedUpgrade",
  "InvalidTransferEncoding",
]);

function proxyFailure(code: string, message: string, proxy: string): BunkerError | null {
  const host = URL.canParse(proxy) ? new URL(proxy).host : "?";
  const hint = "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.";
  const shown = JSON.stringify(printable(host));
  if (code === "UnsupportedProxyProtocol" || code === "ERR_INVALID_ARG_VALUE") {
    return new BunkerError("network", "the proxy in the environment is not an http or https URL", { hint });
  }
  if (code === "ERR_PROXY_TUNNEL") return new BunkerError("network", `proxy ${shown}: ${printable(message)}`, { hint });
  const known = UNREACHABLE[code];
  return known === undefined
    ? null
    : new TransientError("network", `connecting to proxy ${shown}: ${known[0]}`, { hint, connected: false });
}

/** Turns what fetch threw into our error. `proxy` is the one the request went through. */
export function connectionFailure(error: unknown, url: URL, proxy: string | null): BunkerError {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  const host = JSON.stringify(url.host);
  const viaProxy = proxy === null ? null : proxyFailure(code, message, proxy);
  if (viaProxy !== null) return viaProxy;
  const tls = TLS_REASONS[code];
  if (tls !== undefined) {
    return new BunkerError("network", `connecting to ${host}: ${tls[0]}`, {
      hint: tls[1].replaceAll("HOST", url.host),
      cause: error,
    });
  }
  const unreachable = UNREACHABLE[code];
  if (unreachable !== undefined) {
    const connected = UNREACHABLE_FOR_NOW.has(code);
    return new TransientError("network", `connecting to ${host}: ${unreachable[0]}`, {
      hint: unreachable[1],
      cause: error,
      connected,
    });
  }
  if (NOT_HTTP.has(code)) {
    return new BunkerError("registry", `host ${host} sent an answer that is not valid HTTP`, {
      hint: "Check host and port: another service may be listening there.",
      cause: error,
    });
  }
  const reason =
    code === "ECONNRESET"
      ? "the connection was closed before the answer was complete"
      : printable(message || String(error));
  return new TransientError("network", `reading from ${host}: ${reason}`, {
    hint: "Try again; what was downloaded is kept.",
    cause: error,
  });
}

/** Silence for too long, after so many bytes of the answer's body. */
export function stallFailure(url: URL, limitMs: number, received: number): TransientError {
  const seconds = Math.round(limitMs / 100) / 10;
  return new TransientError(
    "network",
    `reading from ${JSON.stringify(url.host)}: no data for ${seconds} s after ${received} bytes`,
    {
      hint: "Check your network, and try again; what was downloaded is kept.",
    },
  );
}

export function cancelled(): BunkerError {
  return new BunkerError("cancelled", "the request was cancelled");
}
