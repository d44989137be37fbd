// A registry for tests: serves images made by image.ts on loopback, honestly until a script says otherwise.
//
//   using registry = startRegistry();                                   // { tls } for https
//   const image = makeImage({ layers: [makeLayer([file("etc/motd", "hello")])] });
//   const reference = registry.push("team/app", "1.0", image);          // 127.0.0.1:PORT/team/app:1.0
//   registry.when({ path: /\/blobs\// }, truncateAt(100), { times: 1 }); // behaviour.ts has the ways to misbehave
//   registry.requests                                                   // what was asked, with all headers
//   registry.requireBasic({ alice: "secret" });                         // or requireToken(startTokenServer({ users }))
//   using blobs = startBlobHost(registry);                              // blobs are then redirected there
//
// It runs on the event loop of the test: a client in another process must be started with Bun.spawn, never spawnSync.

import type { Blob, Image, Index } from "./image.ts";
import type { ServedAnswer, ServedRequest } from "./http-server.ts";
import { ScriptedServer, type ServerOptions } from "./scripted-server.ts";

type Guard = (request: ServedRequest, repository: string) => ServedAnswer | null;

const API = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/;
const RANGE = /^bytes=(\d+)-(\d*)$/;

function specError(status: number, code: string, message: string, headers: Record<string, string> = {}): ServedAnswer {
  const body = JSON.stringify({ errors: [{ code, message, detail: {} }] });
  return { status, headers: { "Content-Type": "application/json", ...headers }, body };
}

export function basicHeader(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** The part of a blob that was asked for, with the headers that go with it. */
function serveBlob(request: ServedRequest, blob: Blob): ServedAnswer {
  const headers = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": blob.digest,
    ETag: `"${blob.digest}"`,
  };
  const range = RANGE.exec(request.headers["range"] ?? "");
  const condition = request.headers["if-range"];
  if (range === null || (condition !== undefined && condition !== headers.ETag)) return { headers, body: blob.bytes };
  const start = Number(range[1]);
  const end = Math.min(range[2] === "" ? blob.size - 1 : Number(range[2]), blob.size - 1);
  if (start > end) return { status: 416, headers: { "Content-Range": `bytes */${blob.size}` } };
  return {
    status: 206,
    headers: { ...headers, "Content-Range": `bytes ${start}-${end}/${blob.size}` },
    body: blob.bytes.subarray(start, end + 1),
  };
}

export class TestRegistry extends ScriptedServer {
  private readonly blobs = new Map<string, Blob>();
  /** By `repository@digest` and `repository:tag`. */
  private readonly manifests = new Map<string, Blob>();
  private guard: Guard = () => null;
  private blobOrigin: string | null = null;

  constructor(options: ServerOptions = {}) {
    super((request) => this.answer(request), options);
  }

  /** Stores an image or index with all that belongs to it, under a tag; gives the reference to pull it by. */
  push(repository: string, tag: string, content: Image | Index): string {
    this.addContent(repository, content);
    this.manifests.set(`${repository}:${tag}`, content.manifest);
    return `${this.host}/${repository}:${tag}`;
  }

  /** Stores any bytes as a manifest, by tag and by digest. */
  pushManifest(repository: string, tag: string, manifest: Blob): string {
    this.manifests.set(`${repository}@${manifest.digest}`, manifest);
    this.manifests.set(`${repository}:${tag}`, manifest);
    return `${this.host}/${repository}:${tag}`;
  }

  addBlob(blob: Blob): void {
    this.blobs.set(blob.digest, blob);
  }

  removeBlob(digest: string): void {
    this.blobs.delete(digest);
  }

  findBlob(digest: string): Blob | undefined {
    return this.blobs.get(digest);
  }

  /** Blobs are then redirected to `ORIGIN/DIGEST`. */
  redirectBlobs(origin: string): void {
    this.blobOrigin = origin;
  }

  /** From now on every request needs one of these users (name → password). */
  requireBasic(users: Record<string, string>): void {
    const good = new Set(Object.entries(users).map(([user, password]) => basicHeader(user, password)));
    this.guard = ({ headers }) =>
      good.has(headers["authorization"] ?? "")
        ? null
        : specError(401, "UNAUTHORIZED", "authentication required", {
            "WWW-Authenticate": 'Basic realm="test registry"',
          });
  }

  /** From now on every request needs a token that this server issued for the repository. */
  requireToken(server: TokenServer, options: { realm?: string; challenge?: string } = {}): void {
    const { realm = `${server.origin}/token`, challenge } = options;
    this.guard = ({ headers }, repository) => {
      if (server.isGood(headers["authorization"] ?? "", repository)) return null;
      const scope = `repository:${repository}:pull`;
      const usual = `Bearer realm="${realm}",service="test",scope="${scope}"`;
      return specError(401, "UNAUTHORIZED", "authentication required", { "WWW-Authenticate": challenge ?? usual });
    };
  }

  private addContent(repository: string, content: Image | Index): void {
    this.manifests.set(`${repository}@${content.manifest.digest}`, content.manifest);
    if (content.kind === "index") {
      for (const image of content.images) this.addContent(repository, image);
      return;
    }
    for (const blob of [content.config, ...content.layers]) this.addBlob(blob);
  }

  private answer(request: ServedRequest): ServedAnswer {
    const [, repository = "", kind = "", name = ""] = API.exec(request.path) ?? [];
    const refusal = this.guard(request, repository);
    if (refusal !== null) return refusal;
    if (request.path === "/v2/") return { headers: { "Docker-Distribution-Api-Version": "registry/2.0" }, body: "{}" };
    const [, listed] = /^\/v2\/(.+)\/tags\/list$/.exec(request.path) ?? [];
    if (listed !== undefined) return this.answerTags(listed, request.query);
    if (kind === "manifests") return this.answerManifest(repository, name);
    if (kind === "blobs") return this.answerBlob(request, name);
    return specError(404, "NOT_FOUND", "no such page");
  }

  /** Two at a time, whatever is asked for. */
  private answerTags(repository: string, query: URLSearchParams): ServedAnswer {
    const prefix = `${repository}:`;
    const all = [...this.manifests.keys()].flatMap((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : []));
    if (all.length === 0) return specError(404, "NAME_UNKNOWN", "repository name not known to registry");
    const left = all.sort().filter((tag) => tag > (query.get("last") ?? ""));
    const tags = left.slice(0, 2);
    const next = `</v2/${repository}/tags/list?n=2&last=${tags.at(-1)}>; rel="next"`;
    return { headers: left.length > 2 ? { Link: next } : {}, body: JSON.stringify({ name: repository, tags }) };
  }

  private answerManifest(repository: string, name: string): ServedAnswer {
    const manifest = this.manifests.get(`${repository}${name.includes(":") ? "@" : ":"}${name}`);
    if (manifest !== undefined) {
      return {
        headers: { "Content-Type": manifest.mediaType, "Docker-Content-Digest": manifest.digest },
        body: manifest.bytes,
      };
    }
    const isKnown = [...this.manifests.keys()].some((key) => key.startsWith(`${repository}:`));
    return isKnown
      ? specError(404, "MANIFEST_UNKNOWN", "manifest unknown")
      : specError(404, "NAME_UNKNOWN", "repository name not known to registry");
  }

  private answerBlob(request: ServedRequest, digest: string): ServedAnswer {
    if (this.blobOrigin !== null) return { status: 307, headers: { Location: `${this.blobOrigin}/${digest}` } };
    const blob = this.blobs.get(digest);
    return blob === undefined ? specError(404, "BLOB_UNKNOWN", "blob unknown to registry") : serveBlob(request, blob);
  }
}

/** Issues tokens: `GET /token` with Basic or anonymous, `POST /token` with a refresh token. */
export class TokenServer extends ScriptedServer {
  private readonly issued = new Map<string, string[]>();

  constructor(
    private readonly policy: {
      users?: Record<string, string>;
      refreshTokens?: string[];
      anonymous?: boolean;
    } & ServerOptions = {},
  ) {
    super((request) => this.answer(request), policy);
  }

  isGood(authorization: string, repository: string): boolean {
    return this.issued.get(authorization)?.includes(`repository:${repository}:pull`) === true;
  }

  /** Every token given so far is refused from now on. */
  revokeAll(): void {
    this.issued.clear();
  }

  private answer({ method, headers, query, body }: ServedRequest): ServedAnswer {
    const { users = {}, refreshTokens = [], anonymous = false } = this.policy;
    const form = new URLSearchParams(body);
    const good = new Set(Object.entries(users).map(([user, password]) => basicHeader(user, password)));
    const { authorization } = headers;
    const isAllowed =
      method === "POST"
        ? refreshTokens.includes(form.get("refresh_token") ?? "")
        : authorization === undefined
          ? anonymous
          : good.has(authorization);
    if (!isAllowed) return { status: 401, body: JSON.stringify({ details: "incorrect username or password" }) };
    const token = `token-${crypto.randomUUID()}`;
    const scopes = method === "POST" ? (form.get("scope") ?? "").split(" ") : query.getAll("scope");
    this.issued.set(`Bearer ${token}`, scopes);
    return { body: JSON.stringify(method === "POST" ? { access_token: token } : { token, expires_in: 300 }) };
  }
}

export function startRegistry(options: ServerOptions = {}): TestRegistry {
  return new TestRegistry(options);
}

export function startTokenServer(policy: ConstructorParameters<typeof TokenServer>[0] = {}): TokenServer {
  return new TokenServer(policy);
}

/** Another host with the registry's blobs, as object stores are; the registry redirects there. */
export function startBlobHost(registry: TestRegistry, options: ServerOptions = {}): ScriptedServer {
  const server = new ScriptedServer((request) => {
    const blob = registry.findBlob(request.path.slice(1));
    return blob === undefined ? { status: 404 } : serveBlob(request, blob);
  }, options);
  registry.redirectBlobs(server.origin);
  return server;
}
