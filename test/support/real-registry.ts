// Debian's docker-registry on a free loopback port, with content pushed by skopeo from an OCI layout that we write.
//
//   const registry = await RealRegistry.start({ users: { alice: "secret" }, tls: await authority.issue() });
//   const reference = await registry.push("team/app", "1.0", makeImage({ … }));
//   await registry.stop();                       // ends the process we started and removes its directory
//
// Needs docker-registry and skopeo (and htpasswd with `users`): wrap tests in describeWith (program.ts).

import { createServer } from "node:net";
import type { IssuedCertificate } from "./authority.ts";
import { makeDirectory, type TestDirectory } from "./directory.ts";
import { descriptorOf, type Blob, type Image, type Index } from "./image.ts";
import { runProgram } from "./program.ts";

export interface RealRegistryOptions {
  /** Name → password. */
  users?: Record<string, string>;
  tls?: IssuedCertificate;
}

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 20;

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    resolve(typeof address === "object" && address !== null ? address.port : 0);
  });
  const port = await promise;
  await new Promise((closed) => server.close(closed));
  return port;
}

async function writeConfig(directory: TestDirectory, port: number, options: RealRegistryOptions): Promise<string> {
  const lines = [
    "version: 0.1",
    "log: { level: error }",
    `storage: { filesystem: { rootdirectory: ${directory.file("storage")} }, delete: { enabled: true } }`,
    "http:",
    `  addr: 127.0.0.1:${port}`,
  ];
  if (options.tls !== undefined) {
    const certificate = await directory.write("server.crt", options.tls.cert);
    const key = await directory.write("server.key", options.tls.key);
    lines.push(`  tls: { certificate: ${certificate}, key: ${key} }`);
  }
  if (options.users !== undefined) {
    const entries = await Promise.all(
      Object.entries(options.users).map(([user, password]) => runProgram(["htpasswd", "-Bbn", user, password])),
    );
    lines.push(`auth: { htpasswd: { realm: test, path: ${await directory.write("htpasswd", entries.join(""))} } }`);
  }
  return await directory.write("config.yml", `${lines.join("\n")}\n`);
}

/** Writes an OCI layout (image-layout.md of the image specification) with one entry of this name. */
export async function writeLayout(directory: TestDirectory, name: string, content: Image | Index): Promise<string> {
  const blobs: Blob[] = [];
  const collect = (part: Image | Index): void => {
    blobs.push(part.manifest);
    if (part.kind === "image") blobs.push(part.config, ...part.layers);
    else part.images.forEach(collect);
  };
  collect(content);
  for (const blob of blobs) await directory.write(`${name}/blobs/${blob.digest.replace(":", "/")}`, blob.bytes);
  const entry = { ...descriptorOf(content.manifest), annotations: { "org.opencontainers.image.ref.name": "latest" } };
  await directory.write(`${name}/index.json`, JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  await directory.write(`${name}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return directory.file(name);
}

function serve(directory: TestDirectory, config: string): Bun.Subprocess {
  // The registry ends with us even when we are killed.
  const guard = Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "KILL"];
  const program = Bun.which("docker-registry") ?? "/usr/bin/docker-registry";
  const log = Bun.file(directory.file("log"));
  return Bun.spawn([...guard, program, "serve", config], { stdin: "ignore", stdout: "ignore", stderr: log });
}

export class RealRegistry {
  private layouts = 0;

  private constructor(
    private readonly directory: TestDirectory,
    private readonly child: Bun.Subprocess,
    /** `127.0.0.1:PORT`. */
    readonly host: string,
    private readonly options: RealRegistryOptions,
  ) {}

  static async start(options: RealRegistryOptions = {}): Promise<RealRegistry> {
    const directory = makeDirectory();
    try {
      const port = await freePort();
      const child = serve(directory, await writeConfig(directory, port, options));
      const registry = new RealRegistry(directory, child, `127.0.0.1:${port}`, options);
      await registry.ready();
      return registry;
    } catch (error) {
      directory.remove();
      throw error;
    }
  }

  /** Copies an image or index into the registry with skopeo; gives the reference to pull it by. */
  async push(repository: string, tag: string, content: Image | Index): Promise<string> {
    this.layouts += 1;
    const layout = await writeLayout(this.directory, `layout-${this.layouts}`, content);
    const reference = `${this.host}/${repository}:${tag}`;
    const [user] = Object.entries(this.options.users ?? {});
    const credentials = user === undefined ? [] : ["--dest-creds", user.join(":")];
    const flags = [
      "--insecure-policy",
      "copy",
      "--all",
      "--preserve-digests",
      "--dest-tls-verify=false",
      ...credentials,
    ];
    await runProgram(["skopeo", ...flags, `oci:${layout}:latest`, `docker://${reference}`]);
    return reference;
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.child.exited;
    clearTimeout(timer);
    this.directory.remove();
  }

  private async ready(): Promise<void> {
    const url = `${this.options.tls === undefined ? "http" : "https"}://${this.host}/v2/`;
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (this.child.exitCode === null && performance.now() < deadline) {
      try {
        const { status } = await fetch(url, {
          proxy: false,
          tls: { rejectUnauthorized: false },
        } as unknown as RequestInit);
        if (status === 200 || status === 401) return;
      } catch {
        // Not yet.
      }
      await Bun.sleep(POLL_MS);
    }
    const log = await Bun.file(this.directory.file("log")).text();
    await this.stop();
    throw new Error(`docker-registry did not start: ${log.trim()}`);
  }
}
