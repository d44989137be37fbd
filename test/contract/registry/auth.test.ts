import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { RegistrySettings } from "../../../src/registry/index.ts";
import { fail, inTurn } from "../../support/behaviour.ts";
import { makeDirectory, type TestDirectory } from "../../support/directory.ts";
import { type Image, makeImage, makeLayer } from "../../support/image.ts";
import {
  basicHeader,
  startRegistry,
  startTokenServer,
  type TestRegistry,
  type TokenServer,
} from "../../support/registry.ts";
import type { ScriptedServer } from "../../support/scripted-server.ts";
import { type Behaviour } from "../../support/scripted-server.ts";
import { file } from "../../support/tar.ts";
import { clientFor, descriptor, expectFailure, fetchReference, TestSink } from "./client.ts";

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

describe("without credentials", () => {
  test("nothing is asked of a registry that does not ask", async () => {
    await fetchReference(reference, await withLogin());
    expect(authorizations(registry).every((value) => value === undefined)).toBeTrue();
  });

  test("a token is fetched, with the service and scope that the registry names, and used from then on", async () => {
    registry.requireToken(tokens);
    const client = clientFor(reference);
    await client.fetchManifest("1");
    await client.fetchSmallBlob(descriptor(image.config));
    expect(tokens.requests.map(({ method, query }) => [method, query.get("service"), query.get("scope")])).toEqual([
      ["GET", "test", "repository:team/app:pull"],
    ]);
    expect(authorizations(tokens)).toEqual([undefined]);
    // The probe for TLS and the first try carry nothing.
    expect(authorizations(registry).filter((value) => value !== undefined)).toEqual([
      expect.stringMatching(BEARER),
      expect.stringMatching(BEARER),
    ]);
  });

  test("a token that is refused is replaced", async () => {
    registry.requireToken(tokens);
    const client = clientFor(reference);
    await client.fetchManifest("1");
    tokens.revokeAll();
    await client.fetchManifest("1");
    expect(tokens.requests).toHaveLength(2);
  });

  test("a token that expires in the middle of a download is replaced", async () => {
    registry.requireToken(tokens);
    registry.when(
      { path: /\/blobs\// },
      async (_request, usual) => {
        const answer = await usual();
        tokens.revokeAll();
        return { ...answer, cutAfter: 10 };
      },
      { times: 1 },
    );
    const sink = new TestSink();
    await clientFor(reference).downloadBlob(descriptor(image.config), sink, ANY);
    expect(Buffer.from(sink.bytes()).equals(image.config.bytes)).toBeTrue();
  });

  test("a token that another request has replaced meanwhile is not replaced again", async () => {
    registry.requireToken(tokens);
    const client = clientFor(reference);
    await client.fetchManifest("1");
    tokens.revokeAll();
    const late: Behaviour = async (_request, usual) => {
      const answer = await usual();
      await Bun.sleep(100);
      return answer;
    };
    registry.when({ path: /manifests/ }, late, { times: 1 });
    await Promise.all([client.fetchManifest("1"), client.fetchManifest("1")]);
    expect(tokens.requests).toHaveLength(2);
  });

  test("requests at the same time wait for one token", async () => {
    registry.requireToken(tokens);
    const client = clientFor(reference);
    await Promise.all(Array.from({ length: 10 }, () => client.fetchManifest("1")));
    expect(tokens.requests).toHaveLength(1);
  });

  test("a private repository is told in docker's words", async () => {
    registry.requireToken(startTokenServer());
    await expectFailure(
      fetchReference(reference),
      "unauthorized",
      "repository does not exist or may require 'docker login'",
    );
    registry.requireBasic({ alice: "secret" });
    await expectFailure(fetchReference(reference), "unauthorized", "no basic auth credentials");
  });
});

describe("with credentials", () => {
  test("Basic is used where the registry asks for it", async () => {
    registry.requireBasic({ alice: "secret" });
    await fetchReference(reference, await withLogin());
    expect(authorizations(registry).at(-1)).toBe(basicHeader("alice", "secret"));
  });

  test("the token server gets them, the registry does not", async () => {
    registry.requireToken(tokens);
    await fetchReference(reference, await withLogin());
    expect(authorizations(tokens)).toEqual([basicHeader("alice", "secret")]);
    expectNoSecrets(registry);
  });

  test("an identity token is exchanged by POST, and never sent to the registry", async () => {
    registry.requireToken(tokens);
    await fetchReference(reference, await withLogin("alice:", { identitytoken: "refresh-me" }));
    const [request] = tokens.requests;
    expect(request?.method).toBe("POST");
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      grant_type: "refresh_token",
      client_id: "bunker",
      refresh_token: "refresh-me",
      service: "test",
      scope: "repository:team/app:pull",
    });
    expect(request?.headers["authorization"]).toBeUndefined();
    expectNoSecrets(registry);
  });

  test("a registry token is sent as it is", async () => {
    registry.requireToken(tokens);
    await expectFailure(
      fetchReference(reference, await withLogin("", { auth: "", registrytoken: "mine" })),
      "unauthorized",
    );
    expect(authorizations(registry)).toContain("Bearer mine");
    expect(tokens.requests).toHaveLength(0);
  });

  test("Bearer goes before Basic where both are offered", async () => {
    registry.requireToken(tokens, {
      challenge: `Basic realm="x", Bearer realm="${tokens.origin}/token",scope="repository:team/app:pull"`,
    });
    await fetchReference(reference, await withLogin());
    expect(authorizations(registry).at(-1)).toMatch(BEARER);
  });

  test("wrong ones are told of, and not tried twice", async () => {
    const wrong = await withLogin("alice:wrong");
    registry.requireBasic({ alice: "secret" });
    await expectFailure(fetchReference(reference, wrong), "unauthorized", "incorrect username or password");
    expect(authorizations(registry).filter((value) => value !== undefined)).toHaveLength(1);
    registry.requireToken(tokens);
    await expectFailure(
      fetchReference(reference, wrong),
      "unauthorized",
      `token server "${tokens.host}" refused the credentials: incorrect username or password`,
    );
    expect(tokens.requests).toHaveLength(1);
  });

  test("an unknown kind of login is named", async () => {
    registry.requireToken(tokens, { challenge: 'Negotiate abc==, Digest realm="x"' });
    await expectFailure(
      fetchReference(reference, await withLogin()),
      "unauthorized",
      'a kind of login we do not know: "negotiate", "digest"',
    );
  });

  test("a registry that is never content gets an answer three times at most", async () => {
    registry.when({ path: /manifests/ }, async (_request, usual) => ({
      ...(await usual()),
      status: 401,
      headers: { "WWW-Authenticate": `Bearer realm="${tokens.origin}/token",scope="repository:team/app:pull"` },
    }));
    await expectFailure(fetchReference(reference, await withLogin()), "unauthorized", "pull access denied");
    expect(registry.requestsTo(/manifests/)).toHaveLength(3);
    expect(tokens.requests).toHaveLength(2);
  });
});

test("in turn: anonymous, then token, then another token, as the registry asks", async () => {
  registry.requireToken(tokens);
  registry.when(
    { path: /manifests/ },
    inTurn(
      fail(401, {
        headers: { "WWW-Authenticate": `Bearer realm="${tokens.origin}/token",scope="repository:team/app:pull"` },
      }),
      fail(401, {
        headers: { "WWW-Authenticate": `Bearer realm="${tokens.origin}/token",scope="repository:team/app:pull"` },
      }),
      async (_request, usual) => await usual(),
    ),
  );
  await fetchReference(reference);
  expect(tokens.requests).toHaveLength(2);
});
