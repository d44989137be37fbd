import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { RegistrySettings } from "../../../src/registry/index.ts";
import { type IssuedCertificate, TestAuthority } from "../../support/authority.ts";
import { bend, raw, redirect } from "../../support/behaviour.ts";
import { makeDirectory, type TestDirectory } from "../../support/directory.ts";
import { makeImage } from "../../support/image.ts";
import { describeWith } from "../../support/program.ts";
import { startRegistry, startTokenServer, type TestRegistry } from "../../support/registry.ts";
import type { ScriptedServer } from "../../support/scripted-server.ts";
import { authFileOf, expectFailure, fetchReference, settingsOf } from "./client.ts";

const image = makeImage();

describeWith(["openssl"], "over TLS", () => {
  let authority: TestAuthority;
  let good: IssuedCertificate;
  let home: TestDirectory;
  let open: ScriptedServer[] = [];

  beforeAll(async () => {
    authority = await TestAuthority.create();
    good = await authority.issue();
  });
  afterAll(() => authority.remove());
  beforeEach(() => {
    home = makeDirectory();
  });
  afterEach(() => {
    for (const server of open) server.stop();
    open = [];
    home.remove();
  });

  function serve(
    tls: IssuedCertificate = good,
    clientAuthority?: string,
  ): { registry: TestRegistry; reference: string } {
    const registry = startRegistry({ tls: { ...tls, ...(clientAuthority === undefined ? {} : { clientAuthority }) } });
    open.push(registry);
    return { registry, reference: registry.push("team/app", "1", image) };
  }

  /** Settings that check certificates even of loopback. */
  const strict = (changes: Partial<RegistrySettings> = {}) =>
    settingsOf({ tlsVerify: true, home: home.path, ...changes });

  /** Puts the authority's certificate where docker looks for it. */
  async function trustFor(registry: TestRegistry, parent = ".docker"): Promise<void> {
    await home.write(`${parent}/certs.d/${registry.host}/ca.crt`, authority.cert);
  }

  describe("a registry is trusted", () => {
    test.each([".docker", ".config/docker", ".config/containers"])(
      "by an authority in ~/%s/certs.d",
      async (parent) => {
        const { registry, reference } = serve();
        await trustFor(registry, parent);
        await fetchReference(reference, strict());
        expect(registry.requestsTo(/manifests/)).toHaveLength(1);
      },
    );

    test.each(["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])("by an authority in $%s", async (variable) => {
      const { reference } = serve();
      expect(await fetchInProcess(reference, { [variable]: authority.path })).toBe("fetched");
      expect(await fetchInProcess(reference, {})).toContain("certificate signed by unknown authority");
    });

    test("by the usual authorities beside those of its directory", async () => {
      const { registry, reference } = serve();
      const other = await TestAuthority.create();
      await home.write(`.docker/certs.d/${registry.host}/other.crt`, other.cert);
      other.remove();
      expect(await fetchInProcess(reference, {})).toContain("certificate signed by unknown authority");
      expect(await fetchInProcess(reference, { SSL_CERT_FILE: authority.path })).toBe("fetched");
      expect(await fetchInProcess(reference, { NODE_EXTRA_CA_CERTS: authority.path })).toBe("fetched");
    });

    test("by an authority in $SSL_CERT_DIR", async () => {
      const { reference } = serve();
      await home.write("authorities/test.pem", authority.cert);
      const rehash = Bun.spawn(["openssl", "rehash", home.file("authorities")], { stdout: "ignore", stderr: "ignore" });
      await rehash.exited;
      expect(await fetchInProcess(reference, { SSL_CERT_DIR: home.file("authorities") })).toBe("fetched");
    });

    test("with a client certificate where it wants one", async () => {
      const { registry, reference } = serve(good, authority.cert);
      await trustFor(registry);
      await expectFailure(fetchReference(reference, strict()), "network", "TLS handshake failed");
      const client = await authority.issue();
      await home.write(`.docker/certs.d/${registry.host}/client.cert`, client.cert);
      await home.write(`.docker/certs.d/${registry.host}/client.key`, client.key);
      await fetchReference(reference, strict());
    });

    test("without a check on loopback, for listed hosts, and with --tls-verify=false", async () => {
      const { reference } = serve(await authority.issue(["DNS:other.example"], { days: -1 }));
      await fetchReference(reference);
      await fetchReference(reference, { tlsVerify: false });
      await fetchReference(reference, { insecureRegistries: ["127.0.0.0/8"] });
      await expectFailure(
        fetchReference(reference, { tlsVerify: true, insecureRegistries: ["127.0.0.0/8"] }),
        "network",
      );
    });
  });

  describe("a registry is not trusted", () => {
    test("with a certificate of an unknown authority", async () => {
      const { registry, reference } = serve();
      const error = await expectFailure(
        fetchReference(reference, strict()),
        "network",
        `connecting to "${registry.host}": certificate signed by unknown authority`,
      );
      expect(error.hint).toContain(`~/.docker/certs.d/${registry.host}/ca.crt`);
      expect(registry.requests).toHaveLength(0);
    });

    test("with an expired certificate", async () => {
      const { registry, reference } = serve(await authority.issue(undefined, { days: -1 }));
      await trustFor(registry);
      const error = await expectFailure(fetchReference(reference, strict()), "network", "certificate has expired");
      expect(error.hint).toContain("clock");
    });

    test("with a certificate for another host", async () => {
      const { registry, reference } = serve(await authority.issue(["DNS:other.example"]));
      await trustFor(registry);
      await expectFailure(fetchReference(reference, strict()), "network", "certificate is for another host");
    });

    test("with its own signature", async () => {
      const path = home.file("self");
      await Bun.spawn(
        [
          "openssl",
          "req",
          "-x509",
          "-newkey",
          "rsa:2048",
          "-nodes",
          "-keyout",
          `${path}.key`,
          "-out",
          `${path}.crt`,
          "-subj",
          "/CN=x",
          "-addext",
          "subjectAltName=IP:127.0.0.1",
        ],
        { stderr: "ignore" },
      ).exited;
      const { reference } = serve({
        cert: await Bun.file(`${path}.crt`).text(),
        key: await Bun.file(`${path}.key`).text(),
      });
      await expectFailure(
        fetchReference(reference, strict()),
        "network",
        "certificate signed by unknown authority (self-signed)",
      );
    });

    test("and the check for one registry is not loosened by a visit to it without", async () => {
      const { reference } = serve();
      await fetchReference(reference, { tlsVerify: false });
      await expectFailure(fetchReference(reference, strict()), "network", "unknown authority");
    });

    test("by the authority of another one", async () => {
      const { reference } = serve();
      const { registry: other } = serve();
      await trustFor(other);
      await expectFailure(fetchReference(reference, strict()), "network", "unknown authority");
    });

    test.each<[what: string, files: Record<string, string>, message: string]>([
      ["an authority that is no certificate", { "ca.crt": "garbage" }, "not in PEM format"],
      [
        "a client certificate without its key",
        { "client.cert": "-----BEGIN CERTIFICATE-----" },
        "missing key client.key for client certificate client.cert. CA certificates must use the extension .crt",
      ],
      [
        "a key without its certificate",
        { "client.key": "-----BEGIN PRIVATE KEY-----" },
        "missing client certificate client.cert for key client.key",
      ],
      [
        "a damaged authority",
        { "ca.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
        "could not be set up",
      ],
    ])("where its directory holds %s", async (_what, files, message) => {
      const { registry, reference } = serve();
      for (const [name, content] of Object.entries(files))
        await home.write(`.docker/certs.d/${registry.host}/${name}`, content);
      await expectFailure(fetchReference(reference, strict()), "network", message);
    });
  });

  describe("nothing falls back to plain HTTP unless the registry is insecure (V71)", () => {
    /** One port that speaks TLS badly or not at all, and counts plain requests. */
    function plainServer(): { server: ScriptedServer; reference: string } {
      const server = startRegistry();
      open.push(server);
      return { server, reference: server.push("team/app", "1", image) };
    }

    test("a plain server", async () => {
      const { server, reference } = plainServer();
      await expectFailure(fetchReference(reference, strict()), "network", "TLS handshake failed");
      await expectFailure(fetchReference(reference, strict({ insecureRegistries: [server.host] })), "network");
      expect(server.requests).toHaveLength(0);
      await fetchReference(reference);
      await fetchReference(reference, { tlsVerify: false });
      expect(server.requestsTo(/manifests/)).toHaveLength(2);
    });

    test("a bad certificate, a reset, an error", async () => {
      const { registry, reference } = serve(await authority.issue(["DNS:other.example"]));
      await expectFailure(fetchReference(reference, strict()), "network");
      await trustFor(registry);
      await expectFailure(fetchReference(reference, strict()), "network");
      expect(registry.requests).toHaveLength(0);
      const { registry: second, reference: again } = serve();
      await trustFor(second);
      second.when({ path: /manifests/ }, raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
      await expectFailure(fetchReference(again, strict()), "registry", "status 400");
    });

    test("a redirect", async () => {
      const { registry, reference } = serve();
      await trustFor(registry);
      const { server } = plainServer();
      registry.when({ path: /manifests/ }, redirect(`${server.origin}/v2/team/app/manifests/1`));
      await expectFailure(fetchReference(reference, strict()), "registry", "plain HTTP is not secure");
      expect(server.requests).toHaveLength(0);
      await fetchReference(reference);
    });

    test("a token server", async () => {
      const { registry, reference } = serve();
      await trustFor(registry);
      const tokens = startTokenServer({ users: { alice: "secret" } });
      open.push(tokens);
      registry.requireToken(tokens);
      const authFile = await home.write("auth.json", authFileOf({ [registry.host]: "alice:secret" }));
      await expectFailure(fetchReference(reference, strict({ authFile })), "registry", "plain HTTP is not secure");
      expect(tokens.requests).toHaveLength(0);
      await fetchReference(reference, { authFile });
    });

    test("and what fails both ways is told both ways", async () => {
      const { registry, reference } = serve(good, authority.cert);
      const error = await expectFailure(
        fetchReference(reference, { home: home.path }),
        "network",
        "TLS handshake failed; over plain HTTP: ",
      );
      expect(error.hint).toContain("client certificate");
      expect(registry.requests).toHaveLength(0);
    });
  });

  test("credentials go to a token server that is trusted, over TLS", async () => {
    const { registry, reference } = serve();
    const tokens = startTokenServer({ users: { alice: "secret" }, tls: good });
    open.push(tokens);
    registry.requireToken(tokens);
    await trustFor(registry);
    const authFile = await home.write("auth.json", authFileOf({ [registry.host]: "alice:secret" }));
    await expectFailure(
      fetchReference(reference, strict({ authFile })),
      "network",
      `connecting to "${tokens.host}": certificate signed by unknown authority`,
    );
    expect(tokens.requests).toHaveLength(0);
    await home.write(`.docker/certs.d/${tokens.host}/ca.crt`, authority.cert);
    await fetchReference(reference, strict({ authFile }));
    expect(tokens.requests).toHaveLength(1);
  });

  test("a truncated answer over TLS is noticed", async () => {
    const { registry, reference } = serve();
    registry.when(
      { path: /manifests/ },
      bend((answer) => ({ ...answer, length: null, cutAfter: 20 })),
    );
    await expectFailure(fetchReference(reference), "digest-mismatch");
  });

  /** Fetches in a process of its own, which reads these variables as it starts. */
  async function fetchInProcess(reference: string, variables: Record<string, string>): Promise<string> {
    const script = await home.write(
      "fetch.ts",
      `import { openRegistry } from ${JSON.stringify(`${import.meta.dir}/../../../src/registry/index.ts`)};
       import { parseReference } from ${JSON.stringify(`${import.meta.dir}/../../../src/image/index.ts`)};
       const settings = { home: ${JSON.stringify(home.path)}, environment: process.env, tlsVerify: true, authFile: null, insecureRegistries: [] };
       const client = openRegistry(parseReference(${JSON.stringify(reference)}), settings);
       await client.fetchManifest("1").then(() => console.log("fetched"), (error) => console.log(error.message));`,
    );
    const child = Bun.spawn([process.execPath, script], {
      env: { PATH: "/usr/bin:/bin", ...variables },
      stdout: "pipe",
      stderr: "inherit",
    });
    return (await child.stdout.text()).trim();
  }
});
