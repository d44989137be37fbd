// One registry, one repository: requests with what authentication and redirects need. A request here is one try; repeating
// it is the caller's (retry.ts).

import { BunkerError } from "../errors.ts";
import type { RepositoryName } from "../image/index.ts";
import { Authenticator } from "./auth.ts";
import { discard, readErrorBody } from "./body.ts";
import { REPORT_HINT, TransientError } from "./failure.ts";
import { describeProblem, parseProblem, statusFailure, type Subject } from "./problem.ts";
import { abortable, Patience } from "./retry.ts";
import { DEFAULT_RETRY_DELAY_MS, type RegistrySettings, timeoutOf } from "./settings.ts";
import { printable } from "./text.ts";
import { type Answer, Transport } from "./transport.ts";
import { Trust } from "./trust.ts";

export interface PullRequest {
  /** Below the repository, as in `manifests/latest`. */
  path: string;
  headers: Record<string, string>;
  subject: Subject;
  signal: AbortSignal | null;
  /** Statuses that are an answer and no error. */
  accepted: readonly number[];
}

const MAX_REDIRECTS = 10;
/** A second 401 may come from a replica that does not know the token yet; a third is an answer. */
const MAX_CHALLENGES = 2;
/** A server without TLS may wait for more of what it takes for a request. */
const PROBE_TIMEOUT_MS = 5000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** The references' grammar again: what goes into a request's path is checked where it goes in. */
const REPOSITORY_PATH = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;
/** What a name, an address and a port are made of; the URL parser would silently drop or reinterpret the rest. */
const HOST = /^[A-Za-z0-9.:[\]-]+$/;
/** Where docker.io really is. */
const DOCKER_HUB_HOST = "registry-1.docker.io";

function ensureName({ domain, path }: RepositoryName): string {
  const host = domain === "docker.io" ? DOCKER_HUB_HOST : domain;
  if (REPOSITORY_PATH.test(path) && HOST.test(host) && URL.canParse(`https://${host}/`))
    return new URL(`https://${host}/`).host;
  throw new BunkerError(
    "invalid-reference",
    `invalid reference format: ${JSON.stringify(printable(`${domain}/${path}`))}`,
  );
}

export class Session {
  readonly host: string;
  private readonly trust: Trust;
  private readonly transport: Transport;
  private readonly authenticator: Authenticator;
  private origin: Promise<URL> | null = null;
  /** Why TLS was given up, for the message when plain HTTP fails too. */
  private tlsFailure: BunkerError | null = null;
  private hasAnswered = false;

  /** @throws BunkerError invalid-reference when the name is not one that can be asked for */
  constructor(
    private readonly name: RepositoryName,
    private readonly settings: RegistrySettings,
  ) {
    this.host = ensureName(name);
    this.trust = new Trust(this.host, settings);
    this.transport = new Transport(settings, this.trust);
    this.authenticator = new Authenticator({ name, settings, transport: this.transport, trust: this.trust });
  }

  patience(signal: AbortSignal | null): Patience {
    const firstDelayMs = this.settings.retryDelayMs ?? DEFAULT_RETRY_DELAY_MS;
    const { retries, fixedDelayMs } = this.settings;
    return new Patience({ firstDelayMs, retries, fixedDelayMs, signal, hasAnswered: () => this.hasAnswered });
  }

  /** One GET, with authentication and redirects. @throws BunkerError, TransientError */
  async get(request: PullRequest): Promise<Answer> {
    const { signal, subject } = request;
    const scope = `repository:${this.name.path}:pull`;
    this.origin ??= this.findOrigin();
    const origin = await abortable(this.origin, signal);
    for (let challenges = 0; ; challenges += 1) {
      const used = this.authenticator.authorization(scope);
      const answer = await this.follow(origin, request, used);
      if (request.accepted.includes(answer.status)) return answer;
      const problem = parseProblem(await readErrorBody(answer));
      const isForeign = answer.url.origin !== origin.origin;
      // Only the registry itself may ask for credentials, never a host that it sent us to.
      if (answer.status !== 401 || isForeign || challenges >= MAX_CHALLENGES) {
        throw statusFailure({ ...answer, isForeign }, problem, subject);
      }
      const challenge = answer.headers.get("www-authenticate");
      const refusal = { challenge, used, subject, detail: describeProblem(problem) };
      await abortable(this.authenticator.respond(scope, refusal), signal);
    }
  }

  /** Follows redirects by hand: what leaves the registry's own origin leaves without the Authorization header, for good. */
  private async follow(origin: URL, request: PullRequest, authorization: string | null): Promise<Answer> {
    let url = new URL(`/v2/${this.name.path}/${request.path}`, origin);
    const headers = { ...request.headers, ...(authorization === null ? {} : { authorization }) };
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const answer = await this.send(url, headers, request.signal);
      if (!REDIRECTS.has(answer.status)) return answer;
      await discard(answer);
      const what = `registry ${JSON.stringify(url.host)} redirects`;
      const location = answer.headers.get("location");
      if (location === null)
        throw new BunkerError("registry", `${what} without saying where`, {
          hint: REPORT_HINT,
        });
      url = this.trust.parseTarget(location, url, what);
      if (url.origin === origin.origin) continue;
      delete headers.authorization;
      await this.transport.ensureHostAllowed(url, what);
    }
    throw new BunkerError(
      "registry",
      `registry ${JSON.stringify(this.host)} redirected more than ${MAX_REDIRECTS} times`,
      {
        hint: REPORT_HINT,
      },
    );
  }

  private async send(url: URL, headers: Record<string, string>, signal: AbortSignal | null): Promise<Answer> {
    try {
      const answer = await this.transport.send({ url, headers, signal });
      this.hasAnswered = true;
      return answer;
    } catch (error) {
      throw this.hasAnswered ? error : this.withTlsFailure(error);
    }
  }

  /** Neither way of speaking to the host works, and often it is the first that the user must repair. */
  private withTlsFailure(error: unknown): unknown {
    const first = this.tlsFailure;
    if (
      first === null ||
      !(error instanceof BunkerError) ||
      error.code !== "network" ||
      first.message === error.message
    )
      return error;
    const message = `${first.message}; over plain HTTP: ${error.message}`;
    const options = { ...(first.hint === undefined ? {} : { hint: first.hint }), cause: error };
    return error instanceof TransientError
      ? new TransientError("network", message, { ...options, connected: error.connected })
      : new BunkerError("network", message, options);
  }

  /**
   * `https:` for everybody; for insecure registries `http:` when nothing there speaks TLS. Decided once, by a request that
   * carries nothing, so that no credentials are sent to find out.
   */
  private async findOrigin(): Promise<URL> {
    const secure = new URL(`https://${this.host}/`);
    if (!this.trust.isInsecure(secure)) return secure;
    try {
      const timeoutMs = Math.min(PROBE_TIMEOUT_MS, timeoutOf(this.settings));
      await discard(await this.transport.send({ url: new URL("/v2/", secure), headers: {}, timeoutMs }));
      this.hasAnswered = true;
      return secure;
    } catch (error) {
      if (!(error instanceof BunkerError)) throw error;
      this.tlsFailure = error;
      return new URL(`http://${this.host}/`);
    }
  }
}
