import { describe, expect, test } from "bun:test";
import { BunkerError } from "../../../src/errors.ts";
import { TransientError } from "../../../src/registry/failure.ts";
import { abortable, parseRetryAfter, Patience, withRetries } from "../../../src/registry/retry.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

describe("parseRetryAfter", () => {
  test.each<[value: string | null, expected: number | null]>([
    [null, null],
    ["", null],
    ["soon", null],
    ["0", 0],
    ["5", 5000],
    [" 5 ", 5000],
    ["-1", 0],
    ["1000000000", 1e12],
    ["1.5", null],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
    ["Wed, 31 Dec 2025 00:00:30 GMT", 0],
    ["2026", 2_026_000],
    ["Mon, nonsense", null],
  ])("%j is %p", (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });
});

describe("Patience", () => {
  const patience = (hasAnswered = true, signal: AbortSignal | null = null) =>
    new Patience({ firstDelayMs: 1, signal, hasAnswered: () => hasAnswered });

  async function countTries(error: () => Error, subject = patience()): Promise<number> {
    let tries = 0;
    const attempt = async (): Promise<never> => {
      tries += 1;
      throw error();
    };
    await withRetries(subject, attempt).catch(() => {});
    return tries;
  }

  test("tries three times more what may pass, and never what will not", async () => {
    expect(await countTries(() => new TransientError("network", "x"))).toBe(4);
    expect(await countTries(() => new BunkerError("network", "x"))).toBe(1);
    expect(await countTries(() => new TypeError("a bug"))).toBe(1);
  });

  test("tries a refused connection again only where the registry has answered before", async () => {
    const refused = () => new TransientError("network", "refused", { connected: false });
    expect(await countTries(refused, patience(false))).toBe(1);
    expect(await countTries(refused, patience(true))).toBe(4);
  });

  test("does not wait longer than a minute, whatever the registry asks", async () => {
    const started = performance.now();
    expect(await countTries(() => new TransientError("registry", "x", { retryAfterMs: 60_001 }))).toBe(1);
    expect(await countTries(() => new TransientError("registry", "x", { retryAfterMs: 1e12 }))).toBe(1);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test("waits as long as the registry asks", async () => {
    const started = performance.now();
    await patience().wait(new TransientError("registry", "x", { retryAfterMs: 60 }));
    expect(performance.now() - started).toBeGreaterThanOrEqual(55);
  });

  test("counts anew after progress", async () => {
    const subject = patience();
    for (let round = 0; round < 10; round += 1) {
      await subject.wait(new TransientError("network", "x"));
      subject.progressed();
    }
  });

  test("stops waiting when nobody wants the result any more", async () => {
    const controller = new AbortController();
    const waiting = patience(true, controller.signal).wait(
      new TransientError("registry", "x", { retryAfterMs: 50_000 }),
    );
    controller.abort();
    expect(waiting).rejects.toThrow("cancelled");
    expect(abortable(Promise.resolve(1), controller.signal)).rejects.toThrow("cancelled");
  });
});
