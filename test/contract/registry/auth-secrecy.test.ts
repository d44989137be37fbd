import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../../src/errors.ts";
import type { RegistrySettings } from "../../../src/registry/index.ts";
import { bend, endless, fail, redirect, silence } from "../../support/behaviour.ts";
import { makeDirectory, type TestDirectory } from "../../support/directory.ts";
import { type Image, makeImage, makeLayer } from "../../support/image.ts";
import {
  startBlobHost,
  startRegistry,
  startTokenServer,
  type TestRegistry,
  type TokenServer,
} from "../../support/registry.ts";
import { type Behaviour, ScriptedServer } from "../../support/scripted-server.ts";
import { file } from "../../support/tar.ts";
import {
  authFileOf,
  clientFor,
  descriptor,
  expectFailure,
  fetchReference,
  SHORT_TIMEOUT_MS,
  TestSink,
} from "./client.ts";

const ANY = new AbortController().signal;
const BEARER = /^Bearer token-/;

let registry: TestRegistry;
let tokens: TokenServer;
let image: Image;
let reference: string;
let home: TestDirectory;

beforeEach(() => {
  registry = startRegistry();
  tokens = startTokenServer({ users: { alice: "secret" }, refreshTokens: ["refresh-me"], anonymous: true });
  image = makeImage({ layers: [makeLayer([file("etc/motd", "hello")])] });
  reference = registry.push("team/app", "1", image);
  home = makeDirectory();
});
afterEach(() => {
  registry.stop();
  tokens.stop();
  home.remove();
});

/** Settings with credentials for the registry. */
async function withLogin(pair = "alice:secret", entry: object = {}): Promise<Partial<RegistrySettings>> {
  const auths = { [registry.host]: { auth: Buffer.from(pair).toString("base64"), ...entry } };
  return { authFile: await home.write("auth.json", JSON.stringify({ auths })) };
}

function authorizations(server: ScriptedServer): (string | undefined)[] {
  return server.requests.map(({ headers }) => headers["authorization"]);
}

/** Everything that was sent to a server, to look for secrets in. */
function heard(server: ScriptedServer): string {
  return JSON.stringify(server.requests.map(({ path, query, headers, body }) => [path, [...query], headers, body]));
}

const SECRETS = ["secret", "refresh-me", Buffer.from("alice:secret").toString("base64")];

function expectNoSecrets(server: ScriptedServer): void {
  for (const secret of SECRETS) expect(heard(server)).not.toContain(secret);
}

describe("credentials stay where they belong", () => {
  test("a redirect to another host, port or scheme carries none (V70)", async () => {
    registry.requireToken(tokens);
    using blobs = startBlobHost(registry);
    const sink = new TestSink();
    await clientFor(reference, await withLogin()).downloadBlob(descriptor(image.config), sink, ANY);
    expect(Buffer.from(sink.bytes()).equals(image.config.bytes)).toBeTrue();
    expect(authorizations(blobs)).toEqual([undefined]);
    expectNoSecrets(blobs);
  });

  test("a redirect within the registry carries them on", async () => {
    registry.requireToken(tokens);
    registry.when({ path: /manifests\/other/ }, redirect("/v2/team/app/manifests/1"));
    await clientFor(reference, await withLogin()).fetchManifest("other");
    expect(registry.requests.at(-1)?.headers["authorization"]).toMatch(BEARER);
  });

  test("a redirect away and back has lost them", async () => {
    registry.requireBasic({ alice: "secret" });
    using other = new ScriptedServer(() => ({
      status: 302,
      headers: { Location: `${registry.origin}/v2/team/app/manifests/1` },
    }));
    registry.when({ path: /manifests\/away/ }, async (_request, usual) =>
      (await usual()).status === 401 ? await usual() : { status: 302, headers: { Location: `${other.origin}/x` } },
    );
    await expectFailure(clientFor(reference, await withLogin()).fetchManifest("away"), "unauthorized");
    expectNoSecrets(other);
  });

  test("another host that asks for a login gets none", async () => {
    registry.requireToken(tokens);
    using blobs = startBlobHost(registry);
    blobs.when({ path: /./ }, fail(401, { headers: { "WWW-Authenticate": 'Basic realm="give me"' } }));
    await expectFailure(
      clientFor(reference, await withLogin()).fetchSmallBlob(descriptor(image.config)),
      "registry",
      "where the registry sent us",
    );
    expectNoSecrets(blobs);
  });

  test.each<[what: string, realm: string, reason: string]>([
    ["a link-local address", "https://169.254.169.254/latest/meta-data", "link-local"],
    ["a link-local address over http", "http://169.254.169.254/latest/meta-data", "link-local"],
    ["a link-local address in disguise", "http://[::ffff:a9fe:a9fe]/", "link-local"],
    ["an IPv6 link-local address", "https://[fe80::1]/", "link-local"],
    ["a file", "file:///etc/passwd", "not an http or https URL"],
    ["a socket", "unix:///run/docker.sock", "not an http or https URL"],
    ["plain HTTP elsewhere", "http://auth.example/token", "plain HTTP is not secure"],
    ["a URL with a name in it", "http://user:pw@127.0.0.1:1/token", "name or password"],
    ["no URL", "token server", "not a valid URL"],
    ["a path", "/token", "not a valid URL"],
    ["nothing", "", "not a valid URL"],
  ])("a realm that is %s is refused (V70)", async (_what, realm, reason) => {
    registry.requireToken(tokens, { realm });
    await expectFailure(fetchReference(reference, await withLogin()), "registry", reason);
    expect(tokens.requests).toHaveLength(0);
    expectNoSecrets(registry);
  });

  test.each([301, 302, 303, 307, 308])("a token server's redirect (%p) is not followed", async (status) => {
    using thief = new ScriptedServer(() => ({ body: '{"token":"x"}' }));
    tokens.when({ path: "/token" }, redirect(`${thief.origin}/token`, status));
    registry.requireToken(tokens);
    await expectFailure(
      fetchReference(reference, await withLogin()),
      "registry",
      "redirects elsewhere, which is refused",
    );
    await expectFailure(
      fetchReference(reference, await withLogin("a:", { identitytoken: "refresh-me" })),
      "registry",
      "redirects elsewhere",
    );
    expect(thief.requests).toHaveLength(0);
  });

  test("those of other registries are never sent", async () => {
    const auths = authFileOf({
      "other.example": "alice:secret",
      "127.0.0.1": "alice:secret",
      "127.0.0.1:1": "alice:secret",
      "https://index.docker.io/v1/": "alice:secret",
    });
    const authFile = await home.write("auth.json", auths);
    registry.requireBasic({ alice: "secret" });
    await expectFailure(fetchReference(reference, { authFile }), "unauthorized", "no basic auth credentials");
    expectNoSecrets(registry);
  });
});

describe("a token server's answer", () => {
  const answer =
    (document: unknown): Behaviour =>
    () => ({ body: typeof document === "string" ? document : JSON.stringify(document) });
  test.each<[what: string, behaviour: Behaviour, code: ErrorCode, message: string]>([
    ["without a token", answer({}), "registry", "holds no token"],
    [
      "with a token that writes headers",
      answer({ token: "a\r\nX-Evil: 1" }),
      "registry",
      "characters that no token may have",
    ],
    ["with a binary token", answer({ token: "\u0000\u0001ÿ" }), "registry", "characters that no token may have"],
    ["in HTML", answer("<html>"), "registry", "not valid JSON"],
    ["of 10 MiB", answer({ token: "a".repeat(10 * 1024 * 1024) }), "registry", "sent more than 1048576 bytes"],
    ["that never ends", endless(), "registry", "sent more than 1048576 bytes"],
    ["with status 418", fail(418), "registry", "answered with status 418"],
    ["with status 500 for ever", fail(500), "registry", "answered with status 500"],
    [
      "with status 429 for long",
      fail(429, { headers: { "Retry-After": "3600" } }),
      "registry",
      "answered with status 429",
    ],
    ["that never comes", silence(), "network", "no data for"],
  ])("%s is refused", async (_what, behaviour, code, message) => {
    tokens.when({ path: "/token" }, behaviour);
    registry.requireToken(tokens);
    await expectFailure(fetchReference(reference, { timeoutMs: SHORT_TIMEOUT_MS }), code, message);
    expect(heard(registry)).not.toContain("evil");
  });

  test.each<[what: string, behaviour: Behaviour]>([
    ["after server errors", fail(503)],
    ["after a reset", bend((usual) => ({ ...usual, cutAfter: 3, reset: true }))],
  ])("is had %s", async (_what, behaviour) => {
    tokens.when({ path: "/token" }, behaviour, { times: 2 });
    registry.requireToken(tokens);
    await fetchReference(reference);
  });

  test.each<[expiresIn: unknown]>([[-1], [0], ["NaN"], [1e308]])(
    "with expires_in %p is used for at least a minute",
    async (expiresIn) => {
      tokens.when({ path: "/token" }, async (_request, usual) => {
        const { body } = await usual();
        return { body: JSON.stringify({ ...(JSON.parse(String(body)) as object), expires_in: expiresIn }) };
      });
      registry.requireToken(tokens);
      const client = clientFor(reference);
      await client.fetchManifest("1");
      await client.fetchManifest("1");
      expect(tokens.requests).toHaveLength(1);
    },
  );
});

test("a scope with control characters in it never reaches the token server", async () => {
  registry.requireToken(tokens, {
    challenge: `Bearer realm="${tokens.origin}/token",service="te st&x=1",scope="repository:team/app:pull évil \\"x"`,
  });
  await fetchReference(reference);
  expect(tokens.requests[0]?.query.getAll("scope")).toEqual(["repository:team/app:pull"]);
  expect(tokens.requests[0]?.query.get("service")).toBe("te st&x=1");
});
