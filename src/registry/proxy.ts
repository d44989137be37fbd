// Which proxy a request goes through, from the environment as curl, Go and Bun read it. Pure.

import { isInRange, isLoopback, parseAddress } from "./address.ts";

type Environment = Record<string, string | undefined>;

/** Lower case first, as curl: HTTP_PROXY can be set by a request header in CGI programs. */
function variable(environment: Environment, name: string): string {
  return (environment[name.toLowerCase()] || environment[name] || "").trim();
}

function matchesExclusion(url: URL, entry: string): boolean {
  if (entry === "*") return true;
  const [, text = "", port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const address = parseAddress(url.hostname);
  if (address !== null && (isInRange(address, entry) || isSameAddress(address, parseAddress(entry)))) return true;
  const ownPort = url.port === "" ? (url.protocol === "http:" ? "80" : "443") : url.port;
  if (port !== undefined && port !== ownPort) return false;
  if (address !== null) return isSameAddress(address, parseAddress(text));
  const domain = text.replace(/^\*?\.?/, "");
  return domain !== "" && (url.hostname === domain || url.hostname.endsWith(`.${domain}`));
}

function isSameAddress(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** The proxy's URL for `url`, or null to go directly. Loopback is never reached through a proxy. */
export function chooseProxy(url: URL, environment: Environment): string | null {
  if (isLoopback(url.hostname)) return null;
  const excluded = variable(environment, "NO_PROXY")
    .toLowerCase()
    .split(/[\s,]+/);
  if (excluded.some((entry) => entry !== "" && matchesExclusion(url, entry))) return null;
  const named = variable(environment, url.protocol === "http:" ? "HTTP_PROXY" : "HTTPS_PROXY");
  const proxy = named || variable(environment, "ALL_PROXY");
  if (proxy === "") return null;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}
