// One request, one answer: TLS, proxy, silence. The only caller of fetch. Follows no redirect, knows no credentials (they
// are headers here), never retries.

import { version } from "../../package.json" with { type: "json" };
import { BunkerError } from "../errors.ts";
import { readTlsOptions, type TlsOptions } from "./certificate.ts";
import { cancelled, connectionFailure, REPORT_HINT, stallFailure } from "./failure.ts";
import { chooseProxy } from "./proxy.ts";
import { type RegistrySettings, timeoutOf } from "./settings.ts";
import type { Trust } from "./trust.ts";

export interface Request {
  method?: "GET" | "POST";
  url: URL;
  headers: Record<string, string>;
  body?: string;
  signal?: AbortSignal | null;
  /** Instead of the setting's. */
  timeoutMs?: number;
}

/** Headers are there, the body is still to be read; `close` when it is not wanted (any more). */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  /** How long it may be silent. */
  readonly timeoutMs: number;
  /** The next piece of the body, or null at its end. Throws when it is cut off or nothing comes. */
  read(): Promise<Uint8Array | null>;
  close(): void;
}

/** A connection that brings less than this in the time allowed for silence counts as silent. */
const MIN_PROGRESS_BYTES = 1024;
/** How often in that time we look. */
const LOOKS_PER_TIMEOUT = 5;

/** Aborts a request that makes no progress. Costs an addition per chunk. */
class Watch {
  readonly controller = new AbortController();
  stalled = false;
  received = 0;
  private sinceProgress = 0;
  private progressAt = performance.now();
  private readonly timer: Timer;
  private readonly onAbort = (): void => this.controller.abort();

  constructor(
    readonly limitMs: number,
    private readonly signal: AbortSignal | null,
  ) {
    this.timer = setInterval(() => this.look(), Math.max(1, limitMs / LOOKS_PER_TIMEOUT));
    signal?.addEventListener("abort", this.onAbort);
    if (signal?.aborted === true) this.onAbort();
  }

  count(bytes: number): void {
    this.received += bytes;
    this.sinceProgress += bytes;
    if (this.sinceProgress >= MIN_PROGRESS_BYTES) this.progress();
  }

  progress(): void {
    this.sinceProgress = 0;
    this.progressAt = performance.now();
  }

  stop(): void {
    clearInterval(this.timer);
    this.signal?.removeEventListener("abort", this.onAbort);
  }

  private look(): void {
    if (performance.now() - this.progressAt < this.limitMs) return;
    this.stalled = true;
    this.controller.abort();
  }
}

export class Transport {
  private readonly tls = new Map<string, Promise<TlsOptions | null>>();
  private readonly resolved = new Map<string, Promise<void>>();

  constructor(
    private readonly settings: RegistrySettings,
    private readonly trust: Trust,
  ) {}

  /** Sends a request and waits for the headers of the answer. @throws BunkerError network, registry, cancelled */
  async send(request: Request): Promise<Answer> {
    const { url, signal = null, timeoutMs = timeoutOf(this.settings) } = request;
    if (signal?.aborted === true) throw cancelled();
    const proxy = chooseProxy(url, this.settings.environment);
    const tls = await this.tlsOptions(url);
    const watch = new Watch(timeoutMs, signal);
    const failed = (error: unknown): unknown => {
      watch.stop();
      if (signal?.aborted === true) return cancelled();
      if (watch.stalled) return stallFailure(url, timeoutMs, watch.received);
      return error instanceof BunkerError ? error : connectionFailure(error, url, proxy);
    };
    let response: Response;
    try {
      response = await fetch(url, {
        method: request.method ?? "GET",
        // Content is hashed as it was sent, so nothing may be decompressed on the way.
        headers: { "user-agent": `bunker/${version}`, "accept-encoding": "identity", ...request.headers },
        ...(request.body === undefined ? {} : { body: request.body }),
        redirect: "manual",
        decompress: false,
        // The watch sees to silence; Bun's own limit would undercut a longer one.
        timeout: false,
        signal: watch.controller.signal,
        // `false` also overrides Bun's own reading of the environment.
        proxy: proxy ?? false,
        ...(tls === null ? {} : { tls }),
      } as RequestInit);
    } catch (error) {
      throw failed(error);
    }
    watch.progress();
    return openAnswer(response, watch, { url, failed });
  }

  /**
   * Refuses a host that a registry named and whose name leads to a forbidden address. The name could lead elsewhere a
   * moment later; this stops what is written in DNS, not a race against it.
   */
  async ensureHostAllowed(url: URL, what: string): Promise<void> {
    if (url.hostname === new URL(`https://${this.trust.host}`).hostname) return;
    // Through a proxy the name is not ours to resolve.
    if (chooseProxy(url, this.settings.environment) !== null) return;
    let check = this.resolved.get(url.hostname);
    check ??= this.checkAddresses(url, what);
    this.resolved.set(url.hostname, check);
    await check;
  }

  private async checkAddresses(url: URL, what: string): Promise<void> {
    let addresses: { address: string }[];
    try {
      addresses = await Bun.dns.lookup(url.hostname.replace(/^\[(.*)\]$/, "$1"));
    } catch {
      // The request itself says better what is wrong.
      return;
    }
    for (const { address } of addresses) {
      this.trust.ensureAddress(url, address, (reason) => {
        const message = `${what} to ${JSON.stringify(url.host)}, which is refused: its address is ${address}, and ${reason}`;
        return new BunkerError("registry", message, { hint: REPORT_HINT });
      });
    }
  }

  private async tlsOptions(url: URL): Promise<TlsOptions | null> {
    if (url.protocol !== "https:") return null;
    let reading = this.tls.get(url.host);
    reading ??= readTlsOptions(url, this.settings, this.trust.isRegistry(url));
    this.tls.set(url.host, reading);
    const own = await reading;
    return this.trust.isInsecure(url) ? { ...own, rejectUnauthorized: false } : own;
  }
}

function openAnswer(
  response: Response,
  watch: Watch,
  { url, failed }: { url: URL; failed: (error: unknown) => unknown },
): Answer {
  const reader = response.body?.getReader() ?? null;
  if (reader === null) watch.stop();
  return {
    url,
    status: response.status,
    headers: response.headers,
    timeoutMs: watch.limitMs,
    async read() {
      if (reader === null) return null;
      try {
        const { done, value } = await reader.read();
        if (done) watch.stop();
        else watch.count(value.byteLength);
        return done ? null : value;
      } catch (error) {
        throw failed(error);
      }
    },
    close() {
      watch.stop();
      watch.controller.abort();
    },
  };
}
