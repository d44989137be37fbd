// A server with a script and a log: what it usually answers can be replaced or bent for some requests, and every request is
// kept so that a test can say which headers went where.

import {
  type HttpServer,
  type ServedAnswer,
  type ServedRequest,
  startHttpServer,
  type TlsMaterial,
} from "./http-server.ts";

/** Answers a request; `usual` gives what the server would have answered without a script. */
export type Behaviour = (
  request: ServedRequest,
  usual: () => Promise<ServedAnswer>,
) => ServedAnswer | Promise<ServedAnswer>;

export interface When {
  method?: string;
  /** A whole path, or a pattern found in it. */
  path: string | RegExp;
}

interface Rule {
  when: When;
  behaviour: Behaviour;
  /** How many requests it still applies to. */
  left: number;
}

export interface ServerOptions {
  tls?: TlsMaterial;
  hostname?: string;
  port?: number;
}

function matches({ method, path }: When, request: ServedRequest): boolean {
  if (method !== undefined && method !== request.method) return false;
  return typeof path === "string" ? path === request.path : path.test(request.path);
}

export class ScriptedServer {
  /** In order of arrival. */
  readonly requests: ServedRequest[] = [];
  private readonly rules: Rule[] = [];
  private server: HttpServer;

  constructor(
    private readonly usual: (request: ServedRequest) => ServedAnswer | Promise<ServedAnswer>,
    private readonly options: ServerOptions = {},
  ) {
    this.server = this.listen(options.port ?? 0);
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return this.server.host;
  }

  /** `http://127.0.0.1:PORT`, or `https://…`. */
  get origin(): string {
    return this.server.origin;
  }

  /** Accepted so far. */
  get connections(): number {
    return this.server.connections();
  }

  get openConnections(): number {
    return this.server.openConnections();
  }

  /** Scripts what happens to matching requests; of several rules the latest that is not used up applies. */
  when(when: When, behaviour: Behaviour, options: { times?: number } = {}): this {
    this.rules.unshift({ when, behaviour, left: options.times ?? Number.POSITIVE_INFINITY });
    return this;
  }

  /** The requests whose path matches. */
  requestsTo(path: string | RegExp): ServedRequest[] {
    return this.requests.filter((request) => matches({ path }, request));
  }

  /** Stops listening and comes back on the same port after a while: a registry that restarts. */
  async restart(pauseMs: number): Promise<void> {
    const { port } = this.server;
    this.server.stop();
    await Bun.sleep(pauseMs);
    this.server = this.listen(port);
  }

  stop(): void {
    this.server.stop();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  private listen(port: number): HttpServer {
    return startHttpServer((request) => this.handle(request), { ...this.options, port });
  }

  private async handle(request: ServedRequest): Promise<ServedAnswer> {
    this.requests.push(request);
    const usual = async (): Promise<ServedAnswer> => await this.usual(request);
    const rule = this.rules.find((candidate) => candidate.left > 0 && matches(candidate.when, request));
    if (rule === undefined) return await usual();
    rule.left -= 1;
    return await rule.behaviour(request, usual);
  }
}
