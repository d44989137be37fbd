// What the tests of this folder share: a client for a reference, with settings that look at nothing of the machine.

import { expect } from "bun:test";
import { BunkerError, type ErrorCode } from "../../../src/errors.ts";
import { type Digest, parseReference } from "../../../src/image/index.ts";
import {
  type BlobSink,
  openRegistry,
  type RegistryClient,
  type RegistrySettings,
} from "../../../src/registry/index.ts";
import type { Blob } from "../../support/image.ts";

/** Short enough for a test that must run into it, long enough for a loaded machine. */
export const SHORT_TIMEOUT_MS = 400;

export function settingsOf(changes: Partial<RegistrySettings> = {}): RegistrySettings {
  return {
    home: null,
    environment: {},
    tlsVerify: null,
    authFile: null,
    insecureRegistries: [],
    timeoutMs: 5000,
    retryDelayMs: 2,
    ...changes,
  };
}

export function clientFor(reference: string, changes: Partial<RegistrySettings> = {}): RegistryClient {
  return openRegistry(parseReference(reference), settingsOf(changes));
}

/** Fetches what the reference names. */
export async function fetchReference(reference: string, changes: Partial<RegistrySettings> = {}): Promise<Uint8Array> {
  const { tag, digest } = parseReference(reference);
  return (await clientFor(reference, changes).fetchManifest(digest ?? tag ?? "")).bytes;
}

export function descriptor(blob: Blob): { digest: Digest; size: number } {
  return { digest: blob.digest as Digest, size: blob.size };
}

/** A sink in memory that counts how often it was emptied. */
export class TestSink implements BlobSink {
  restarts = 0;
  private content: Uint8Array;

  constructor(start: Uint8Array = new Uint8Array()) {
    this.content = start;
  }

  size(): number {
    return this.content.byteLength;
  }

  append(chunk: Uint8Array): void {
    this.content = Buffer.concat([this.content, chunk]);
  }

  restart(): void {
    this.restarts += 1;
    this.content = new Uint8Array();
  }

  bytes(): Uint8Array {
    return this.content;
  }
}

/** An auth file's text with these entries (key → user:password). */
export function authFileOf(entries: Record<string, string>): string {
  const auths = Object.fromEntries(
    Object.entries(entries).map(([key, pair]) => [key, { auth: Buffer.from(pair).toString("base64") }]),
  );
  return JSON.stringify({ auths });
}

/** Expects a failure of this code, told in one line and with a hint; gives it for a closer look. */
export async function expectFailure(
  attempt: Promise<unknown>,
  code: ErrorCode,
  message: string | RegExp = "",
): Promise<BunkerError> {
  const error = await attempt.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof BunkerError)) throw error;
  expect(error.code).toBe(code);
  if (typeof message === "string") expect(error.message).toContain(message);
  else expect(error.message).toMatch(message);
  expect(error.message).not.toMatch(/[\p{Cc}]|undefined|\[object/u);
  // What is wrong with a document is told by the image module, in its own way.
  if (code !== "cancelled" && code !== "invalid-image") expect(error.hint).toBeString();
  return error;
}
