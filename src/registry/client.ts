// The pull side of the OCI distribution specification (v1.1): manifests and blobs of one repository, as bytes that match
// their digests. Says nothing about what is in them beyond their kind. Pushing, deleting and listing belong beside these
// verbs, each in its own file, on the same session.

import { BunkerError } from "../errors.ts";
import {
  computeDigest,
  type Descriptor,
  type Digest,
  digestAlgorithm,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  familiarName,
  isDigest,
  isTag,
  MAX_DOCUMENT_BYTES,
  OCI_INDEX,
  OCI_MANIFEST,
  parseJsonObject,
  type RepositoryName,
} from "../image/index.ts";
import { BlobDownload, type BlobSink } from "./blob.ts";
import { readBody } from "./body.ts";
import type { Subject } from "./problem.ts";
import { withRetries } from "./retry.ts";
import { Session } from "./session.ts";
import type { RegistrySettings } from "./settings.ts";
import { listTags } from "./tags.ts";
import { printable } from "./text.ts";

export interface FetchedManifest {
  /** Exactly as served. */
  bytes: Uint8Array;
  /** sha256 of the bytes, whatever was asked for: the name they are kept by. */
  digest: Digest;
  /** From the document itself, never from a header. */
  mediaType: string;
}

export interface RegistryClient {
  /** Fetches a manifest or index by tag or digest, verified. */
  fetchManifest(tagOrDigest: string, signal?: AbortSignal): Promise<FetchedManifest>;
  /** Brings the sink to the size of the blob; its content is *not* verified here (see blob.ts). */
  downloadBlob(descriptor: Pick<Descriptor, "digest" | "size">, sink: BlobSink, signal: AbortSignal): Promise<void>;
  /** Fetches a config or the like into memory, verified. */
  fetchSmallBlob(descriptor: Pick<Descriptor, "digest" | "size">, signal?: AbortSignal): Promise<Uint8Array>;
  /** All tags of the repository. */
  listTags(signal?: AbortSignal): Promise<string[]>;
}

const ACCEPT = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST].join(", ");
/** Short, and of characters that can do no harm wherever it is shown; RFC 6838 allows no others. */
const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+/-]{1,255}$/;
const RETRY_OR_REPORT = "Try again; if it stays so, report it to whoever runs the registry.";

function mismatch(what: string, expected: string, actual: string): BunkerError {
  const message = `${what}: content does not match its digest: expected ${JSON.stringify(printable(expected))}, got ${JSON.stringify(actual)}`;
  return new BunkerError("digest-mismatch", message, { hint: RETRY_OR_REPORT });
}

/** Holds the bytes against a digest, in the digest's own algorithm. */
function ensureDigest(bytes: Uint8Array, expected: Digest, what: string): void {
  const actual = computeDigest(bytes, digestAlgorithm(expected));
  if (actual !== expected) throw mismatch(what, expected, actual);
}

/** What the document says it is; one without `mediaType` (OCI 1.0 allows it) is told by what it lists. */
function documentMediaType(bytes: Uint8Array, what: string): string {
  const document = parseJsonObject(bytes, what);
  const declared = document["mediaType"];
  if (typeof declared === "string" && MEDIA_TYPE.test(declared)) return declared;
  return Array.isArray(document["manifests"]) ? OCI_INDEX : OCI_MANIFEST;
}

class MemorySink implements BlobSink {
  private readonly buffer: Uint8Array;
  private used = 0;

  constructor(size: number) {
    this.buffer = new Uint8Array(size);
  }

  size(): number {
    return this.used;
  }

  append(chunk: Uint8Array): void {
    this.buffer.set(chunk, this.used);
    this.used += chunk.byteLength;
  }

  restart(): void {
    this.used = 0;
  }

  bytes(): Uint8Array {
    return this.buffer;
  }
}

class Client implements RegistryClient {
  private readonly session: Session;
  private readonly domain: string;
  private readonly repository: string;

  constructor(name: RepositoryName, settings: RegistrySettings) {
    this.session = new Session(name, settings);
    this.domain = name.domain;
    this.repository = familiarName(name);
  }

  async fetchManifest(tagOrDigest: string, signal: AbortSignal | null = null): Promise<FetchedManifest> {
    const digest = isDigest(tagOrDigest) ? tagOrDigest : null;
    if (digest === null && !isTag(tagOrDigest)) {
      throw new BunkerError(
        "invalid-reference",
        `invalid reference format: ${JSON.stringify(printable(tagOrDigest))} is neither tag nor digest`,
      );
    }
    const shown = `${this.repository}${digest === null ? ":" : "@"}${tagOrDigest}`;
    const subject = this.subject("manifest", shown);
    const what = `manifest of ${JSON.stringify(shown)}`;
    const request = { path: `manifests/${tagOrDigest}`, headers: { accept: ACCEPT }, subject, signal, accepted: [200] };
    const { bytes, claimed } = await withRetries(this.session.patience(signal), async () => {
      const answer = await this.session.get(request);
      return {
        bytes: await readBody(answer, MAX_DOCUMENT_BYTES, what),
        claimed: answer.headers.get("docker-content-digest"),
      };
    });
    if (digest !== null) ensureDigest(bytes, digest, what);
    this.ensureClaim(bytes, claimed, what);
    return { bytes, digest: computeDigest(bytes), mediaType: documentMediaType(bytes, what) };
  }

  async downloadBlob(
    descriptor: Pick<Descriptor, "digest" | "size">,
    sink: BlobSink,
    signal: AbortSignal | null,
  ): Promise<void> {
    const subject = this.subject("blob", `${descriptor.digest} of ${this.repository}`);
    await new BlobDownload(this.session, { descriptor, subject, sink }).run(signal);
  }

  async fetchSmallBlob(
    descriptor: Pick<Descriptor, "digest" | "size">,
    signal: AbortSignal | null = null,
  ): Promise<Uint8Array> {
    const what = `blob ${JSON.stringify(descriptor.digest)} of ${this.repository}`;
    if (descriptor.size > MAX_DOCUMENT_BYTES) {
      throw new BunkerError("invalid-image", `${what}: larger than ${MAX_DOCUMENT_BYTES} bytes`);
    }
    const sink = new MemorySink(descriptor.size);
    await this.downloadBlob(descriptor, sink, signal);
    ensureDigest(sink.bytes(), descriptor.digest, what);
    return sink.bytes();
  }

  listTags(signal: AbortSignal | null = null): Promise<string[]> {
    return listTags(this.session, this.subject("manifest", this.repository), signal);
  }

  private subject(kind: Subject["kind"], shown: string): Subject {
    return { kind, domain: this.domain, repository: this.repository, shown };
  }

  /** A registry that names one digest and sends another's bytes is broken or lying; either way the bytes are not wanted. */
  private ensureClaim(bytes: Uint8Array, claimed: string | null, what: string): void {
    if (claimed === null || claimed === "") return;
    if (!isDigest(claimed)) throw mismatch(what, claimed, computeDigest(bytes));
    ensureDigest(bytes, claimed, what);
  }
}

/** A client for one repository. Contacts nobody yet. @throws BunkerError invalid-reference */
export function openRegistry(name: RepositoryName, settings: RegistrySettings): RegistryClient {
  return new Client(name, settings);
}
