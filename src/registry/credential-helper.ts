// docker's credential helpers: a program `docker-credential-NAME`, asked `get` with the host on its standard input
// (github.com/docker/docker-credential-helpers). A helper that is missing or fails is an error, never "no credentials":
// otherwise a failing key ring would send a private pull somewhere else (CVE-2021-41092, security.md V72).

import { BunkerError } from "../errors.ts";
import { isJsonObject, parseJsonObject } from "../image/index.ts";
import { printable } from "./text.ts";
import type { Credentials } from "./settings.ts";

export interface HelperRequest {
  helper: string;
  /** docker hub's is `https://index.docker.io/v1/`. */
  server: string;
  environment: Record<string, string | undefined>;
  timeoutMs: number;
}

const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** What would change the program rather than tell it something: ours is an executable that obeys them (facts.md B0 11). */
const SCRUBBED = /^(BUN|NODE|UV|LD)_/;
/** The helpers' own words for "no such entry". */
const NOT_FOUND = "credentials not found";
/** Stands for "the secret is an identity token". */
const TOKEN_USER = "<token>";

function failure(helper: string, server: string, reason: string): BunkerError {
  const message = `asking credential helper "docker-credential-${printable(helper)}" about ${JSON.stringify(printable(server))}: ${reason}`;
  return new BunkerError("unauthorized", message, {
    hint: "Install or repair the helper, or remove it from credsStore and credHelpers in the auth file.",
  });
}

/** Absolute directories only: a helper from the current directory could be anybody's. */
function findProgram(name: string, environment: Record<string, string | undefined>): string | null {
  const directories = (environment["PATH"] ?? "").split(":").filter((directory) => directory.startsWith("/"));
  return Bun.which(name, { PATH: directories.join(":"), cwd: "/" });
}

function cleanEnvironment(environment: Record<string, string | undefined>): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !SCRUBBED.test(entry[0]),
  );
  return Object.fromEntries(kept);
}

async function readOutput(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of stream) {
    total += chunk.byteLength;
    if (total > MAX_OUTPUT_BYTES) throw new Error("more than 1 MiB of output");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface HelperOutcome {
  exitCode: number;
  output: Uint8Array;
  complaint: Uint8Array;
}

async function runHelper(program: string, request: HelperRequest): Promise<HelperOutcome> {
  const child = Bun.spawn([program, "get"], {
    stdin: new TextEncoder().encode(`${request.server}\n`),
    stdout: "pipe",
    stderr: "pipe",
    cwd: "/",
    env: cleanEnvironment(request.environment),
  });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`no answer for ${Math.ceil(request.timeoutMs / 1000)} s`)),
    request.timeoutMs,
  );
  try {
    // A grandchild may keep the pipes open for longer than the helper lives, hence the race.
    const [output, complaint, exitCode] = await Promise.race([
      Promise.all([readOutput(child.stdout), readOutput(child.stderr), child.exited]),
      late,
    ]);
    return { exitCode, output, complaint };
  } finally {
    clearTimeout(timer);
    if (child.exitCode === null) child.kill("SIGKILL");
  }
}

function parseOutcome({ helper, server }: HelperRequest, outcome: HelperOutcome): Credentials | null {
  if (outcome.exitCode !== 0) {
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).trim();
    const said = text(outcome.output) || text(outcome.complaint);
    if (said.toLowerCase().includes(NOT_FOUND)) return null;
    throw failure(helper, server, said === "" ? `exit status ${outcome.exitCode}` : printable(said));
  }
  let document: unknown;
  try {
    document = parseJsonObject(outcome.output, "answer", MAX_OUTPUT_BYTES);
  } catch {
    // What it printed may be a secret, so it is not repeated.
    throw failure(helper, server, "its answer is not valid JSON");
  }
  const { Username: username, Secret: secret } = isJsonObject(document) ? document : {};
  if (typeof username !== "string" || typeof secret !== "string")
    throw failure(helper, server, "its answer has no Username and Secret");
  if (username === "" && secret === "") return null;
  return username === TOKEN_USER
    ? { username: "", password: "", identityToken: secret }
    : { username, password: secret };
}

/** Asks a helper; null: it knows of no credentials. @throws BunkerError unauthorized when it is missing or fails */
export async function askCredentialHelper(request: HelperRequest): Promise<Credentials | null> {
  const { helper, server, environment } = request;
  // The name becomes a program's: nothing that could be a path.
  if (!HELPER_NAME.test(helper)) throw failure(helper, server, "not a helper's name");
  const program = findProgram(`docker-credential-${helper}`, environment);
  if (program === null) throw failure(helper, server, "executable file not found in $PATH");
  let outcome: HelperOutcome;
  try {
    outcome = await runHelper(program, request);
  } catch (error) {
    throw failure(helper, server, printable((error as Error).message));
  }
  return parseOutcome(request, outcome);
}
