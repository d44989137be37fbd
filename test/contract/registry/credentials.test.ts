import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { parseName } from "../../../src/image/index.ts";
import { authFilePaths, findCredentials } from "../../../src/registry/credentials.ts";
import type { RegistrySettings } from "../../../src/registry/index.ts";
import { makeDirectory, type TestDirectory } from "../../support/directory.ts";
import { makeImage } from "../../support/image.ts";
import { startRegistry } from "../../support/registry.ts";
import { authFileOf, expectFailure, fetchReference, settingsOf } from "./client.ts";

const NAME = parseName("quay.io/team/app");
let home: TestDirectory;

beforeEach(() => {
  home = makeDirectory();
});
afterEach(() => home.remove());

/** Puts a helper in place: a shell script. */
async function installHelper(name: string, script: string): Promise<void> {
  const path = await home.write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

function settings(environment: Record<string, string> = {}, changes: Partial<RegistrySettings> = {}): RegistrySettings {
  return settingsOf({
    home: home.path,
    environment: { PATH: `${home.file("bin")}:/usr/bin:/bin`, ...environment },
    ...changes,
  });
}

const found = async (given: RegistrySettings, name = NAME): Promise<string | null> => {
  const credentials = await findCredentials(name, given);
  return credentials === null ? null : (credentials.identityToken ?? `${credentials.username}:${credentials.password}`);
};

describe("auth files", () => {
  test("are looked for where podman and docker keep them", () => {
    const paths = (given: Partial<RegistrySettings>): string[] =>
      authFilePaths(settingsOf(given)).map(({ path }) => path);
    expect(paths({ home: "/h" })).toEqual(["/h/.config/containers/auth.json", "/h/.docker/config.json"]);
    expect(paths({ home: null })).toEqual([]);
    expect(
      paths({ home: "/h", environment: { XDG_RUNTIME_DIR: "/r", XDG_CONFIG_HOME: "/c", DOCKER_CONFIG: "/d" } }),
    ).toEqual(["/r/containers/auth.json", "/c/containers/auth.json", "/d/config.json"]);
    expect(paths({ home: "/h", environment: { REGISTRY_AUTH_FILE: "/f", XDG_RUNTIME_DIR: "/r" } })).toEqual(["/f"]);
    expect(paths({ home: "/h", authFile: "/a", environment: { REGISTRY_AUTH_FILE: "/f" } })).toEqual(["/a"]);
    expect(
      paths({ home: "/h", environment: { REGISTRY_AUTH_FILE: "", XDG_RUNTIME_DIR: "", DOCKER_CONFIG: "" } }),
    ).toHaveLength(2);
  });

  test("the first one that knows the registry decides", async () => {
    const given = settings({ XDG_RUNTIME_DIR: home.file("run") });
    expect(await found(given)).toBeNull();
    await home.write(".docker/config.json", authFileOf({ "quay.io": "docker:1" }));
    expect(await found(given)).toBe("docker:1");
    await home.write(".config/containers/auth.json", authFileOf({ "quay.io": "podman:2" }));
    expect(await found(given)).toBe("podman:2");
    await home.write("run/containers/auth.json", authFileOf({ "gcr.io": "other:3" }));
    expect(await found(given)).toBe("podman:2");
    await home.write("run/containers/auth.json", authFileOf({ "quay.io/team": "session:4" }));
    expect(await found(given)).toBe("session:4");
  });

  test("one that is named must be there, and is the only one", async () => {
    await home.write(".docker/config.json", authFileOf({ "quay.io": "docker:1" }));
    await expectFailure(found(settings({}, { authFile: home.file("missing") })), "not-found", "not found");
    await expectFailure(found(settings({ REGISTRY_AUTH_FILE: home.file("missing") })), "not-found", "not found");
    expect(await found(settings({}, { authFile: await home.write("empty", "{}") }))).toBeNull();
  });

  test("one that cannot be used is an error that names it", async () => {
    await home.write(".docker/config.json", "{ not json");
    await expectFailure(found(settings()), "unauthorized", `${home.path}/.docker/config.json": not valid JSON`);
    await home.write(".docker/config.json", `{"x":"${"y".repeat(2_000_000)}"}`);
    await expectFailure(found(settings()), "unauthorized", "too large");
    await expectFailure(found(settings({}, { authFile: home.path })), "unauthorized", home.path);
  });

  test("docker hub's entry serves its short names", async () => {
    await home.write(".docker/config.json", authFileOf({ "https://index.docker.io/v1/": "hub:1" }));
    expect(await found(settings(), parseName("alpine"))).toBe("hub:1");
    expect(await found(settings())).toBeNull();
  });
});

describe("credential helpers", () => {
  const config = (document: object) => home.write(".docker/config.json", JSON.stringify(document));
  const ANSWER = `cat >"$OUT"; echo '{"ServerURL":"x","Username":"alice","Secret":"secret"}'`;

  test("are asked for the host, on standard input, with `get`", async () => {
    await installHelper("one", `echo "$1" >"$OUT.arguments"; ${ANSWER}`);
    await config({ credHelpers: { "quay.io": "one" } });
    expect(await found(settings({ OUT: home.file("out") }))).toBe("alice:secret");
    expect(await Bun.file(home.file("out")).text()).toBe("quay.io\n");
    expect(await Bun.file(home.file("out.arguments")).text()).toBe("get\n");
  });

  test("docker hub's is asked for the address that docker uses", async () => {
    await installHelper("one", ANSWER);
    await config({ credsStore: "one" });
    await found(settings({ OUT: home.file("out") }), parseName("alpine"));
    expect(await Bun.file(home.file("out")).text()).toBe("https://index.docker.io/v1/\n");
  });

  test("the host's goes before the store, and both before entries in the file", async () => {
    await installHelper("host", `cat >/dev/null; echo '{"Username":"host","Secret":"1"}'`);
    await installHelper("store", `cat >/dev/null; echo '{"Username":"store","Secret":"2"}'`);
    await config({
      credHelpers: { "quay.io": "host" },
      credsStore: "store",
      auths: { "quay.io": { username: "file", password: "3" } },
    });
    expect(await found(settings())).toBe("host:1");
    expect(await found(settings(), parseName("gcr.io/a/b"))).toBe("store:2");
  });

  test("an identity token is one", async () => {
    await installHelper("one", `cat >/dev/null; echo '{"Username":"<token>","Secret":"identity"}'`);
    await config({ credsStore: "one" });
    expect(await found(settings())).toBe("identity");
  });

  test("one that has none is no error: the file's entry is used, or nothing", async () => {
    await installHelper("one", `cat >/dev/null; echo "credentials not found in native keychain"; exit 1`);
    await config({ credsStore: "one" });
    expect(await found(settings())).toBeNull();
    await config({ credsStore: "one", auths: { "quay.io": { username: "file", password: "3" } } });
    expect(await found(settings())).toBe("file:3");
  });

  test("see an environment without what would change them", async () => {
    await installHelper("one", `cat >/dev/null; env >"$OUT"; echo '{"Username":"a","Secret":"b"}'`);
    await config({ credsStore: "one" });
    await found(
      settings({ OUT: home.file("out"), LD_PRELOAD: "", BUN_BE_BUN: "1", NODE_OPTIONS: "x", AWS_PROFILE: "mine" }),
    );
    const environment = await Bun.file(home.file("out")).text();
    expect(environment).toContain("AWS_PROFILE=mine");
    expect(environment).not.toMatch(/^(LD|BUN|NODE)_/m);
  });

  test.each<[what: string, script: string | null, reason: string | RegExp]>([
    ["is missing", null, "executable file not found in $PATH"],
    ["fails", "cat >/dev/null; echo 'the key ring is locked' >&2; exit 2", "the key ring is locked"],
    ["fails without a word", "exit 3", "exit status 3"],
    ["answers in another way", "cat >/dev/null; echo secret-in-plain-text", "its answer is not valid JSON"],
    ["answers half", `cat >/dev/null; echo '{"Username":"a"}'`, "no Username and Secret"],
    ["floods", "cat /dev/zero", "more than 1 MiB"],
    ["does not end", "sleep 60", "no answer for"],
    ["leaves a child behind", "sleep 60 & exit 0", /no answer for|not valid JSON/],
    ["writes to the terminal", "printf '\\033[2J' >&2; exit 1", "\\u001b[2J"],
  ])("one that %s is an error, and the registry is sent nothing (V72)", async (_what, script, reason) => {
    using registry = startRegistry();
    const reference = registry.push("team/app", "1", makeImage());
    registry.requireBasic({ alice: "secret" });
    if (script !== null) await installHelper("bad", script);
    await config({ credsStore: "bad", auths: { [registry.host]: { username: "alice", password: "secret" } } });
    const error = await expectFailure(
      fetchReference(reference, settings({}, { timeoutMs: 1000 })),
      "unauthorized",
      reason,
    );
    expect(error.message).toContain('asking credential helper "docker-credential-bad"');
    expect(error.message).not.toContain("secret-in-plain-text");
    expect(registry.requests.filter(({ headers }) => headers["authorization"] !== undefined)).toHaveLength(0);
  });

  test.each(["../evil", "a/b", "", " ", "-x", "a;b", "x".repeat(100)])("a name like %j is none", async (name) => {
    await config({ credsStore: name, credHelpers: { "quay.io": name } });
    if (name === "") expect(await found(settings())).toBeNull();
    else await expectFailure(found(settings()), "unauthorized", "not a helper's name");
  });

  test("are never taken from the current directory", async () => {
    await installHelper("one", ANSWER);
    await config({ credsStore: "one" });
    const started = process.cwd();
    process.chdir(home.file("bin"));
    try {
      await expectFailure(found(settings({ PATH: ".::bin" })), "unauthorized", "executable file not found in $PATH");
    } finally {
      process.chdir(started);
    }
  });
});
