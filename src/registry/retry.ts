// How often and after which pauses something is tried again.

import { cancelled, TransientError } from "./failure.ts";

/** A registry that fails four times in a row is down. */
const MAX_RETRIES = 3;
/** All the waiting of one operation; beyond it a person should decide. */
export const MAX_WAIT_MS = 60_000;

/**
 * Milliseconds to wait according to a `Retry-After` header (RFC 9110 10.2.3: seconds or a date); null when there is none or
 * it is neither. What is past or negative means now.
 */
export function parseRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  if (/^-?\d+$/.test(text)) return Math.max(0, Number(text) * 1000);
  // Dates start with the name of a day; Date.parse alone would take nearly anything.
  const time = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(time) ? Math.max(0, time - now) : null;
}

/** Waits for `promise`, or until `signal` says that nobody wants it any more; the work behind it goes on. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (signal === null) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(cancelled());
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function sleep(milliseconds: number, signal: AbortSignal | null): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await abortable(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

export interface PatienceOptions {
  firstDelayMs: number;
  /** What somebody asked for, instead of our own measure. */
  retries?: number | undefined;
  fixedDelayMs?: number | undefined;
  signal: AbortSignal | null;
  /** Whether this registry has ever answered us: only then is a refused connection worth another try (it may be restarting). */
  hasAnswered: () => boolean;
}

/** One operation's tolerance of failures. */
export class Patience {
  private failures = 0;
  private waited = 0;

  constructor(private readonly options: PatienceOptions) {}

  /** Something was gained since the last failure: start anew. */
  progressed(): void {
    this.failures = 0;
    this.waited = 0;
  }

  /** Returns when it is time to try again after `error`, or throws it. `onRetry` hears of it before the pause. */
  async wait(error: unknown, onRetry: (error: Error) => void = () => undefined): Promise<void> {
    const { retries, fixedDelayMs, hasAnswered } = this.options;
    if (!(error instanceof TransientError) || this.failures >= (retries ?? MAX_RETRIES)) throw error;
    // Asked for, it may be one that is only about to come.
    if (!error.connected && !hasAnswered() && retries === undefined) throw error;
    const delay = Math.max(fixedDelayMs ?? this.backoff(), error.retryAfterMs ?? 0);
    if (this.waited + delay > MAX_WAIT_MS && fixedDelayMs === undefined) throw error;
    this.failures += 1;
    this.waited += delay;
    onRetry(error);
    await sleep(delay, this.options.signal);
  }

  /** Doubles each time, with jitter so that many clients do not come back together. */
  private backoff(): number {
    return this.options.firstDelayMs * 2 ** this.failures * (0.5 + Math.random());
  }
}

/** Tries until it succeeds, fails for good, or patience ends. */
export async function withRetries<T>(patience: Patience, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await patience.wait(error);
    }
  }
}
