// Downloads a blob into a sink, resuming where the sink ends: after a broken connection, and after a broken command. Counts
// bytes and hashes nothing: what was there before is re-read by whoever unpacks it, and the hash is taken there.

import type { BunkerError } from "../errors.ts";
import type { Descriptor } from "../image/index.ts";
import { discard } from "./body.ts";
import { REPORT_HINT, TransientError } from "./failure.ts";
import type { Subject } from "./problem.ts";
import type { Session } from "./session.ts";
import { printable } from "./text.ts";
import type { Answer } from "./transport.ts";

/** Where the bytes of one blob go, in order. */
export interface BlobSink {
  /** Bytes that are there already. */
  size(): number;
  append(chunk: Uint8Array): void;
  /** Forget all of it: the blob comes from its beginning. */
  restart(): void;
  /** Told when a try has failed and another will follow. */
  retrying?(error: Error): void;
}

/** A try that brings less than this beyond the best so far counts as a failure, else a trickle would be retried for ever. */
const MIN_PROGRESS_BYTES = 64 * 1024;
const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(?:\d+|\*)$/;
/** RFC 9110 8.8.3, strong ones only: weak ones may not be used with If-Range (13.1.5). */
const STRONG_ETAG = /^"[\x21\x23-\x7e]{1,256}"$/;

export interface BlobRequest {
  descriptor: Pick<Descriptor, "digest" | "size">;
  subject: Subject;
  sink: BlobSink;
}

export class BlobDownload {
  private readonly descriptor: BlobRequest["descriptor"];
  private readonly subject: Subject;
  private readonly sink: BlobSink;
  /** A server whose ranges are wrong is asked for the whole. */
  private useRange = true;
  private etag: string | null = null;

  constructor(
    private readonly session: Session,
    request: BlobRequest,
  ) {
    this.descriptor = request.descriptor;
    this.subject = request.subject;
    this.sink = request.sink;
  }

  async run(signal: AbortSignal | null): Promise<void> {
    const { size } = this.descriptor;
    const patience = this.session.patience(signal);
    // More than there should be cannot be the beginning of the blob.
    if (this.sink.size() > size) this.sink.restart();
    let best = this.sink.size();
    while (this.sink.size() < size) {
      try {
        await this.transfer(signal);
      } catch (error) {
        if (this.sink.size() >= best + MIN_PROGRESS_BYTES) {
          best = this.sink.size();
          patience.progressed();
        }
        await patience.wait(error, (failure) => this.sink.retrying?.(failure));
      }
    }
  }

  private async transfer(signal: AbortSignal | null): Promise<void> {
    const offset = this.sink.size();
    const ranged = offset > 0 && this.useRange;
    const headers: Record<string, string> = ranged ? { range: `bytes=${offset}-` } : {};
    if (ranged && this.etag !== null) headers["if-range"] = this.etag;
    const accepted = ranged ? [200, 206, 416] : [200];
    const answer = await this.session.get({
      path: `blobs/${this.descriptor.digest}`,
      headers,
      subject: this.subject,
      signal,
      accepted,
    });
    if (answer.status !== 200) await this.ensureRange(answer, offset);
    else if (offset > 0) this.sink.restart();
    const etag = answer.headers.get("etag") ?? "";
    this.etag = STRONG_ETAG.test(etag) ? etag : null;
    try {
      await this.receive(answer);
    } catch (error) {
      answer.close();
      throw error;
    }
  }

  /** A part that is not the part asked for must not reach the sink. */
  private async ensureRange(answer: Answer, offset: number): Promise<void> {
    const range = answer.headers.get("content-range") ?? "";
    if (answer.status === 206 && Number(CONTENT_RANGE.exec(range)?.[1] ?? "-1") === offset) return;
    this.useRange = false;
    await discard(answer);
    const got =
      answer.status === 416 ? "that there is no such part" : `another part (${JSON.stringify(printable(range, 100))})`;
    const message = `registry ${JSON.stringify(answer.url.host)}, asked for ${this.subject.shown} from byte ${offset}, answered with ${got}`;
    throw new TransientError("registry", message, { hint: REPORT_HINT });
  }

  private async receive(answer: Answer): Promise<void> {
    const { size } = this.descriptor;
    const { sink } = this;
    for (;;) {
      const chunk = await answer.read();
      const missing = size - sink.size();
      if (chunk === null) throw this.truncated(answer, missing);
      sink.append(chunk.byteLength > missing ? chunk.subarray(0, missing) : chunk);
      if (chunk.byteLength < missing) continue;
      // Whatever follows is not part of the blob. An honest body has ended, and its connection is good for the next one.
      if (chunk.byteLength === missing && answer.headers.has("content-length")) await this.finish(answer);
      else answer.close();
      return;
    }
  }

  private async finish(answer: Answer): Promise<void> {
    try {
      if ((await answer.read()) === null) return;
    } catch {
      // The blob is complete all the same.
    }
    answer.close();
  }

  private truncated(answer: Answer, missing: number): BunkerError {
    const message = `registry ${JSON.stringify(answer.url.host)} ended ${this.subject.shown} ${missing} bytes before its size`;
    return new TransientError("registry", message, { hint: "Try again; what was downloaded is kept." });
  }
}
