// Who may pull from where: a real registry that is open, wants a login, speaks TLS with an authority of its own; every place that
// credentials and certificates may come from; and names that are none, for which nobody is asked.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { TestAuthority } from "../support/authority.ts";
import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";
import { makeImage, makeLayer } from "../support/image.ts";
import { Invariants } from "../support/invariants.ts";
import { RealRegistry } from "../support/real-registry.ts";
import { startRegistry } from "../support/registry.ts";
import { file } from "../support/tar.ts";

const NEEDS = ["root", "bunker", "subids", "userns", "docker-registry", "skopeo", "htpasswd", "openssl"] as const;
const it = requires(...NEEDS);
const usable = it === test;

const image = makeImage({ layers: [makeLayer([file("etc/motd", "hello")])] });
const PASSWORD = "correct horse:battery";

let authority: TestAuthority;
let plain: RealRegistry;
let login: RealRegistry;
let secure: RealRegistry;
let references: { plain: string; login: string; secure: string };
beforeAll(async () => {
  if (!usable) return;
  authority = await TestAuthority.create();
  [plain, login, secure] = await Promise.all([
    RealRegistry.start(),
    RealRegistry.start({ users: { alice: PASSWORD } }),
    RealRegistry.start({ users: { alice: PASSWORD }, tls: await authority.issue() }),
  ]);
  const push = (registry: RealRegistry): Promise<string> => registry.push("team/app", "1.0", image);
  references = { plain: await push(plain), login: await push(login), secure: await push(secure) };
});
afterAll(async () => {
  if (!usable) return;
  await Promise.all([plain, login, secure].map((registry) => registry.stop()));
  authority.remove();
});

/** A file of the user's. */
function write(env: TestEnv, name: string, content: string): string {
  const path = join(env.home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  for (let at = path; at !== env.home; at = dirname(at)) chownSync(at, env.user.uid, env.user.gid);
  chmodSync(path, 0o600);
  return path;
}

function authOf(host: string, password = PASSWORD): string {
  return JSON.stringify({ auths: { [host]: { auth: Buffer.from(`alice:${password}`).toString("base64") } } });
}

interface Case {
  files?: Record<string, string>;
  environment?: Record<string, string>;
  args?: string[];
  /** Else `pull`. */
  verb?: string;
}

/** Each in a home of its own; returns what was said on standard error. */
async function attempt(
  reference: string,
  { files = {}, environment = {}, args = [], verb = "pull" }: Case,
): Promise<string | null> {
  await using env = await TestEnv.create();
  const watch = await Invariants.watch(env);
  for (const [name, content] of Object.entries(files)) write(env, name, content);
  const fill = (word: string): string => word.replace("HOME", env.home);
  const set = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, fill(value)]));
  const { code, stdout, stderr } = await env.run(
    [verb, ...args.map(fill), reference, ...(verb === "pull" ? [] : ["word"])],
    { environment: set },
  );
  const failed = code !== 0;
  // Nothing in the image can be run.
  if (verb !== "pull" && !failed) await env.ok(["rm", stdout.trim()]);
  await watch.check({ outputs: [stdout, stderr], unchanged: failed });
  expect(stdout + stderr).not.toContain("battery");
  if (!failed) expect(await env.ok(["images", "-q", "--no-trunc"])).toBe(image.config.digest);
  return failed ? stderr : null;
}

describe("a registry that wants a login", () => {
  it("takes credentials from wherever docker and podman look for them", async () => {
    const { host } = login;
    const cases: Case[] = [
      { files: { ".docker/config.json": authOf(host) } },
      { files: { ".docker/config.json": authOf(`http://${host}/v1/`) } },
      { files: { "elsewhere/config.json": authOf(host) }, environment: { DOCKER_CONFIG: "HOME/elsewhere" } },
      { files: { "auth.json": authOf(host) }, environment: { REGISTRY_AUTH_FILE: "HOME/auth.json" } },
      { files: { "auth.json": authOf(host) }, args: ["--authfile", "HOME/auth.json"] },
      {
        files: { "auth.json": authOf(host), ".docker/config.json": authOf(host, "wrong") },
        args: ["--authfile=HOME/auth.json"],
      },
    ];
    for (const each of cases) expect([each, await attempt(references.login, each)]).toEqual([each, null]);
  });

  it("is refused without, with wrong ones, and with a file that is none", async () => {
    const denied = "pull access denied for HOST/team/app, repository does not exist or may require 'docker login'";
    const cases: [Case, string][] = [
      [{}, denied],
      [{ files: { ".docker/config.json": authOf("other.example") } }, denied],
      [
        { files: { ".docker/config.json": authOf(login.host, "wrong battery") } },
        'registry "HOST" refused the credentials: incorrect username or password',
      ],
      [{ files: { ".docker/config.json": "{ nonsense" } }, "config.json"],
      [{ args: ["--authfile", "HOME/missing.json"] }, "missing.json"],
    ];
    for (const [each, message] of cases) {
      const stderr = await attempt(references.login, each);
      expect([each, stderr]).toEqual([each, expect.stringContaining(message.replace("HOST", login.host))]);
      expect(stderr).toMatch(/^bunker: [^\n]+\nhint: [^\n]+\n$/);
    }
  });
});

describe("--creds and --cert-dir", () => {
  it("take the place of every file", async () => {
    const wrong = { ".docker/config.json": authOf(login.host, "wrong") };
    for (const verb of ["pull", "create"]) {
      expect(await attempt(references.login, { verb, files: wrong, args: [`--creds=alice:${PASSWORD}`] })).toBeNull();
    }
    const right = { ".docker/config.json": authOf(login.host) };
    expect(await attempt(references.login, { files: right, args: ["--creds", "alice:wrong battery"] })).toContain(
      "incorrect username or password",
    );
    for (const [words, says] of [
      ["", "credentials can't be empty"],
      [":battery", "username can't be empty"],
      ["alice", "no password"],
    ] as const) {
      expect(await attempt(references.login, { args: ["--creds", words] })).toContain(`--creds: ${says}`);
    }
  });

  it("are what a registry is checked against", async () => {
    const args = [`--creds=alice:${PASSWORD}`, "--tls-verify", "--cert-dir=HOME/certs"];
    for (const verb of ["pull", "create"]) {
      expect(await attempt(references.secure, { verb, files: { "certs/ca.crt": authority.cert }, args })).toBeNull();
    }
    const elsewhere = { [`.docker/certs.d/${secure.host}/ca.crt`]: authority.cert, "certs/note": "none" };
    expect(await attempt(references.secure, { files: elsewhere, args })).toContain("signed by unknown authority");
    expect(await attempt(references.secure, { args })).toContain("reading certificates from");
  });
});

describe("create", () => {
  it("asks as pull does, with --authfile and --tls-verify", async () => {
    const files = { "auth.json": authOf(login.host) };
    const authFile = "--authfile=HOME/auth.json";
    expect(await attempt(references.login, { verb: "create", files, args: [authFile] })).toBeNull();
    expect(await attempt(references.login, { verb: "create", files })).toContain("pull access denied");
    const trusted = { "auth.json": authOf(secure.host) };
    expect(
      await attempt(references.secure, { verb: "create", files: trusted, args: [authFile, "--tls-verify=false"] }),
    ).toBeNull();
    expect(
      await attempt(references.secure, { verb: "create", files: trusted, args: [authFile, "--tls-verify"] }),
    ).toContain("certificate signed by unknown authority");
  });
});

describe("a registry with an authority of its own", () => {
  const credentials = (): Record<string, string> => ({ ".docker/config.json": authOf(secure.host) });

  it("is trusted with its certificate in certs.d or SSL_CERT_FILE, and on loopback by default", async () => {
    const verify = ["--tls-verify"];
    const cases: Case[] = [
      { files: { ...credentials(), [`.docker/certs.d/${secure.host}/ca.crt`]: authority.cert }, args: verify },
      {
        files: { ...credentials(), "ca.pem": authority.cert },
        environment: { SSL_CERT_FILE: "HOME/ca.pem" },
        args: verify,
      },
      { files: credentials(), args: ["--tls-verify=false"] },
      { files: credentials() },
    ];
    for (const each of cases) expect([each.args, await attempt(references.secure, each)]).toEqual([each.args, null]);
  });

  it("is not trusted otherwise", async () => {
    const stderr = await attempt(references.secure, { files: credentials(), args: ["--tls-verify"] });
    expect(stderr).toBe(
      `bunker: pulling "${references.secure}": connecting to "${secure.host}": certificate signed by unknown authority\n` +
        `hint: If you trust this host, put its authority's certificate into ~/.docker/certs.d/${secure.host}/ca.crt ` +
        "(or SSL_CERT_FILE), or use --tls-verify=false.\n",
    );
  });

  it("is never spoken to in plain text when verification is demanded", async () => {
    const stderr = await attempt(references.plain, { args: ["--tls-verify"] });
    expect(stderr).toMatch(/^bunker: pulling ".*": connecting to ".*": [^\n]*TLS[^\n]*\nhint: .*\n$/);
    expect(await attempt(references.plain, {})).toBeNull();
  });
});

describe("names", () => {
  it("that are none are refused before anybody is asked", async () => {
    await using env = await TestEnv.create();
    using registry = startRegistry();
    const watch = await Invariants.watch(env);
    const { host } = registry;
    const digest = `sha256:${"a".repeat(64)}`;
    for (const [name, message] of [
      ["", "invalid reference format"],
      [`${host}/UPPER`, "invalid reference format: repository name (UPPER) must be lowercase"],
      [`${host}/a//b`, "invalid reference format"],
      [`${host}/a:`, "invalid reference format"],
      [`${host}/a:${"t".repeat(129)}`, "invalid reference format"],
      [`${host}/a:tag/x`, "invalid reference format"],
      [`${host}/-a`, "invalid reference format"],
      [`${host}/a_b___c`, "invalid reference format"],
      [`${host}/${"a".repeat(256)}`, "invalid reference format: repository name must not be more than 255 characters"],
      [`${host}/a@sha256:abc`, "invalid reference format"],
      [`${host}/a@${digest}b`, "invalid checksum digest length"],
      [`${host}/a@md5:${"a".repeat(32)}`, "unsupported digest algorithm"],
      [`${host}/a@SHA256:${"a".repeat(64)}`, "invalid reference format: repository name (a@SHA256) must be lowercase"],
      [`${host}/a@${digest}:tag`, "invalid reference format"],
      [`http://${host}/a`, "invalid reference format"],
      [`${host}/../etc`, "invalid reference format"],
      [`${host}/a b`, "invalid reference format"],
      [`${host}/a\u001b[31m`, "invalid reference format"],
      [`127.0.0.1:x/a`, "invalid reference format"],
      ["a".repeat(64), `invalid repository name (${"a".repeat(64)}), cannot specify 64-byte hexadecimal strings`],
    ] as const) {
      const { code, stdout, stderr } = await env.run(["pull", name]);
      expect([name, code, stdout, stderr]).toEqual([name, 1, "", expect.stringContaining(`bunker: ${message}`)]);
      expect(stderr).toMatch(/^bunker: [\x20-\x7e]+\nhint: [^\n]+\n$/);
    }
    expect(registry.connections).toBe(0);
    await watch.check({ unchanged: true });
  });

  it("of all other kinds are understood as docker does", async () => {
    await using env = await TestEnv.create();
    using registry = startRegistry();
    const { host } = registry;
    const port = host.split(":")[1] ?? "";
    for (const [path, tag] of [
      ["a", "latest"],
      ["a", "UPPER.and_under-"],
      ["a/b/c/d/e", "1"],
      ["a__b/c--d/e.f", "v1"],
      ["0", "0"],
    ] as const) {
      registry.push(path, tag, image);
      expect(await env.ok(["pull", "-q", `${host}/${path}:${tag}`])).toBe(`${host}/${path}:${tag}`);
    }
    expect(await env.ok(["pull", "-q", `localhost:${port}/a`])).toBe(`localhost:${port}/a:latest`);
    expect(await env.ok(["pull", "-q", `${host}/a@${image.manifest.digest}`])).toBe(
      `${host}/a@${image.manifest.digest}`,
    );
    const paths = new Set(registry.requestsTo(/manifests/).map(({ path }) => path));
    expect(paths).toContain(`/v2/a/manifests/${image.manifest.digest}`);
    expect(paths).toContain("/v2/a__b/c--d/e.f/manifests/v1");
  });

  it("of hosts that are not there end in one line, soon", async () => {
    await using env = await TestEnv.create();
    for (const [name, message] of [
      ["127.0.0.1:1/a", "connection refused"],
      ["nosuch.invalid/a", "no such host"],
      ["localhost/a", "connection refused"],
    ] as const) {
      const { code, stderr } = await env.run(["pull", "-q", name], { timeoutMs: 20_000 });
      expect([name, code]).toEqual([name, 1]);
      expect(stderr).toMatch(
        new RegExp(`^bunker: pulling "${name}:latest": connecting to "[^\\n]*${message}\\nhint: [^\\n]+\\n$`),
      );
    }
  });
});

it("keeps no password anywhere but where it was", async () => {
  await using env = await TestEnv.create();
  const path = write(env, ".docker/config.json", authOf(login.host));
  await env.ok(["pull", "-q", references.login]);
  const found = Bun.spawnSync(["grep", "-rlaF", Buffer.from(`alice:${PASSWORD}`).toString("base64"), env.home]);
  expect(found.stdout.toString().trim()).toBe(path);
  expect(readFileSync(path, "utf8")).toBe(authOf(login.host));
});
