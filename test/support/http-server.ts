// An HTTP/1.1 server that can misbehave in every way a client must survive: it writes its answers byte by byte itself, so
// lengths may lie, bodies may stop, drip or never end, and connections may be reset. Loopback only.

export interface ServedRequest {
  method: string;
  /** Without the query, as sent. */
  path: string;
  query: URLSearchParams;
  /** Names in lower case; of repeated ones the values joined by ", ". */
  headers: Record<string, string>;
  body: string;
  /** Milliseconds of `performance.now`. */
  at: number;
}

export interface ServedAnswer {
  status?: number;
  /** A list where a name must appear twice. */
  headers?: Record<string, string> | [name: string, value: string][];
  body?: string | Uint8Array;
  /** Content-Length instead of the right one; null: none, the body ends with the connection. */
  length?: string | number | null;
  chunked?: boolean;
  /** The body is sent again and again (with `chunked` or `length: null`). */
  endless?: boolean;
  /** Bytes of the body after which the connection is closed. */
  cutAfter?: number;
  /** With `cutAfter`: by a reset. */
  reset?: boolean;
  /** Bytes of the body after which nothing more happens. */
  stallAfter?: number;
  /** So many bytes at a time, with a pause after each. */
  pace?: { bytes: number; everyMs: number };
  /** Sent as it is in place of everything else; then the connection is closed, or left open with `keepOpen`. */
  raw?: string | Uint8Array;
  keepOpen?: boolean;
}

export interface TlsMaterial {
  cert: string;
  key: string;
  /** Authority of client certificates; given: clients need one. */
  clientAuthority?: string;
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:PORT` or `https://…`. */
  readonly origin: string;
  /** Connections accepted so far. */
  connections(): number;
  /** Those that are open now. */
  openConnections(): number;
  stop(): void;
}

type Handler = (request: ServedRequest) => ServedAnswer | Promise<ServedAnswer>;

const encoder = new TextEncoder();
/** First byte of a TLS record with a handshake in it. */
const TLS_HANDSHAKE = 0x16;
/** What Go's servers, and so most registries, answer to a TLS handshake on a plain port. */
const NO_TLS_HERE = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n";
const SETTLE_MS = 20;
const ENDLESS_BODY = encoder.encode("x".repeat(16 * 1024));

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function toBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** One connection: bytes in until a request is complete, then its answer out, then the next. */
class Connection {
  private input = Buffer.alloc(0);
  private busy = false;
  private closed = false;
  private onWritable: (() => void) | null = null;

  constructor(
    private readonly socket: Bun.Socket<Connection | null>,
    private readonly handler: Handler,
  ) {}

  receive(data: Uint8Array, isTls: boolean): void {
    this.input = Buffer.concat([this.input, data]);
    if (isTls || this.input[0] !== TLS_HANDSHAKE) void this.serve();
    else void this.send({ raw: NO_TLS_HERE });
  }

  writable(): void {
    this.onWritable?.();
    this.onWritable = null;
  }

  ended(): void {
    this.closed = true;
    this.writable();
  }

  close(reset = false): void {
    if (this.closed) return;
    this.closed = true;
    if (reset) this.socket.terminate();
    else this.socket.end();
  }

  private async serve(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    for (;;) {
      const request = this.takeRequest();
      if (request === null || this.closed) break;
      await this.send(await this.handler(request), request.method);
    }
    this.busy = false;
  }

  private takeRequest(): ServedRequest | null {
    const end = this.input.indexOf("\r\n\r\n");
    if (end < 0) return null;
    const [first = "", ...lines] = this.input.subarray(0, end).toString("latin1").split("\r\n");
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    const length = Number(headers["content-length"] ?? "0");
    if (this.input.length < end + 4 + length) return null;
    const body = this.input.subarray(end + 4, end + 4 + length).toString("utf8");
    this.input = this.input.subarray(end + 4 + length);
    const [method = "", target = ""] = first.split(" ");
    const url = new URL(target, "http://server.invalid");
    return { method, path: url.pathname, query: url.searchParams, headers, body, at: performance.now() };
  }

  private async send(answer: ServedAnswer, method = ""): Promise<void> {
    if (answer.raw !== undefined) {
      await this.write(toBytes(answer.raw));
      if (answer.keepOpen !== true) this.close();
      return;
    }
    const body = answer.endless === true ? ENDLESS_BODY : toBytes(answer.body ?? "");
    await this.write(encoder.encode(formatHead(answer, body.byteLength)));
    if (method === "HEAD") return;
    await this.sendBody(answer, body);
  }

  private async sendBody(answer: ServedAnswer, body: Uint8Array): Promise<void> {
    const limit = answer.cutAfter ?? answer.stallAfter ?? Number.POSITIVE_INFINITY;
    const step = answer.pace?.bytes ?? body.byteLength;
    let sent = 0;
    do {
      for (let at = 0; at < body.byteLength && sent < limit && !this.closed; at += step) {
        const part = body.subarray(at, Math.min(at + step, at + limit - sent));
        sent += part.byteLength;
        if (answer.chunked === true) await this.write(encoder.encode(`${part.byteLength.toString(16)}\r\n`));
        await this.write(part);
        if (answer.chunked === true) await this.write(encoder.encode("\r\n"));
        if (answer.pace !== undefined) await Bun.sleep(answer.pace.everyMs);
      }
      // That the client has gone is an event, and writing alone lets none happen.
      if (answer.endless === true) await nextTurn();
    } while (answer.endless === true && sent < limit && !this.closed);
    if (answer.stallAfter !== undefined) {
      this.busy = true;
      await new Promise<void>((resolve) => (this.onWritable = resolve));
      return;
    }
    if (answer.cutAfter !== undefined) {
      // A client forgets what it has not read when a connection breaks: give it the time, so that tests know what it has.
      await Bun.sleep(SETTLE_MS);
      this.close(answer.reset);
      return;
    }
    if (answer.chunked === true) await this.write(encoder.encode("0\r\n\r\n"));
    if (answer.length === null) this.close();
  }

  private async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.byteLength > 0 && !this.closed) {
      const written = this.socket.write(rest);
      if (written < 0) {
        this.ended();
        return;
      }
      rest = rest.subarray(written);
      if (rest.byteLength > 0) await new Promise<void>((resolve) => (this.onWritable = resolve));
    }
  }
}

function formatHead(answer: ServedAnswer, bodyLength: number): string {
  const headers = Array.isArray(answer.headers) ? [...answer.headers] : Object.entries(answer.headers ?? {});
  if (answer.chunked === true) headers.push(["Transfer-Encoding", "chunked"]);
  if (answer.length !== null && (answer.length !== undefined || answer.chunked !== true)) {
    headers.push(["Content-Length", String(answer.length ?? bodyLength)]);
  }
  const status = answer.status ?? 200;
  return `HTTP/1.1 ${status} Status\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** Starts a server on a free port of 127.0.0.1 (or another loopback address). */
export function startHttpServer(
  handler: Handler,
  options: { tls?: TlsMaterial; hostname?: string; port?: number } = {},
): HttpServer {
  const { tls, hostname = "127.0.0.1", port = 0 } = options;
  let connections = 0;
  const open = new Set<Connection>();
  const tlsOptions = tls && {
    cert: tls.cert,
    key: tls.key,
    ...(tls.clientAuthority === undefined
      ? {}
      : { ca: tls.clientAuthority, requestCert: true, rejectUnauthorized: true }),
  };
  const listener = Bun.listen<Connection | null>({
    hostname,
    port,
    data: null,
    ...(tlsOptions === undefined ? {} : { tls: tlsOptions }),
    socket: {
      open(socket) {
        connections += 1;
        const connection = new Connection(socket, handler);
        socket.data = connection;
        open.add(connection);
      },
      data: (socket, data) => socket.data?.receive(data, tls !== undefined),
      drain: (socket) => socket.data?.writable(),
      close(socket) {
        socket.data?.ended();
        if (socket.data) open.delete(socket.data);
      },
      error: (socket) => socket.data?.ended(),
    },
  });
  const host = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${listener.port}`;
  return {
    host,
    port: listener.port,
    origin: `${tls === undefined ? "http" : "https"}://${host}`,
    connections: () => connections,
    openConnections: () => open.size,
    stop() {
      for (const connection of open) connection.close(true);
      listener.stop(true);
    },
  };
}
