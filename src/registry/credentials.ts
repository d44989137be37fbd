// Where credentials are looked for, unless --creds says them: `--authfile` or $REGISTRY_AUTH_FILE alone where given, else, in this order,
//
//   $XDG_RUNTIME_DIR/containers/auth.json          podman login
//   ~/.config/containers/auth.json                 podman, kept over logout
//   $DOCKER_CONFIG/config.json, ~/.docker/config.json   docker login
//
// In each file: the host's helper, the store for all hosts, then `auths`. The first file that knows any decides. Reads files
// and runs helpers when a registry asks for credentials, never before.

import { BunkerError } from "../errors.ts";
import { DEFAULT_DOMAIN, type RepositoryName } from "../image/index.ts";
import {
  type AuthFile,
  badAuthFile,
  canonicalHost,
  findAuth,
  findHelper,
  MAX_AUTH_FILE_BYTES,
  parseAuthFile,
} from "./auth-file.ts";
import { askCredentialHelper } from "./credential-helper.ts";
import { type Credentials, type RegistrySettings, timeoutOf } from "./settings.ts";

/** Under which docker hub's credentials are kept. */
const DOCKER_HUB_SERVER = "https://index.docker.io/v1/";
const NOTHING_THERE = new Set(["ENOENT", "ENOTDIR"]);

export interface AuthFilePath {
  path: string;
  /** The user named it, so it must be there. */
  required: boolean;
}

/** The files to look into, in order. An empty variable counts as unset. */
export function authFilePaths(settings: RegistrySettings): AuthFilePath[] {
  const { home, environment } = settings;
  const named = settings.authFile ?? (environment["REGISTRY_AUTH_FILE"] || null);
  if (named !== null) return [{ path: named, required: true }];
  const below = (directory: string | null | undefined, path: string): string[] =>
    directory ? [`${directory}/${path}`] : [];
  const config = environment["XDG_CONFIG_HOME"] || (home === null ? null : `${home}/.config`);
  const docker = environment["DOCKER_CONFIG"] || (home === null ? null : `${home}/.docker`);
  return [
    ...below(environment["XDG_RUNTIME_DIR"], "containers/auth.json"),
    ...below(config, "containers/auth.json"),
    ...below(docker, "config.json"),
  ].map((path) => ({ path, required: false }));
}

async function readAuthFile({ path, required }: AuthFilePath): Promise<AuthFile | null> {
  let bytes: Uint8Array;
  try {
    const file = Bun.file(path);
    if (file.size > MAX_AUTH_FILE_BYTES) throw badAuthFile(path, "the file is too large");
    bytes = await file.bytes();
  } catch (error) {
    if (error instanceof BunkerError) throw error;
    const code = (error as { code?: string }).code ?? "";
    if (NOTHING_THERE.has(code) && !required) return null;
    if (NOTHING_THERE.has(code)) {
      throw new BunkerError("not-found", `auth file ${JSON.stringify(path)} not found`, {
        hint: "Check --authfile and $REGISTRY_AUTH_FILE.",
        cause: error,
      });
    }
    throw badAuthFile(path, (error as Error).message, error);
  }
  return parseAuthFile(bytes, path);
}

async function searchFile(
  file: AuthFile,
  name: RepositoryName,
  settings: RegistrySettings,
): Promise<Credentials | null> {
  const host = canonicalHost(name.domain);
  for (const helper of [findHelper(file, name), file.store]) {
    if (helper === null) continue;
    const found = await askCredentialHelper({
      helper,
      server: host === DEFAULT_DOMAIN ? DOCKER_HUB_SERVER : host,
      environment: settings.environment,
      timeoutMs: timeoutOf(settings),
    });
    if (found !== null) return found;
  }
  return findAuth(file, name);
}

/** The credentials for a repository, or null: go on without. @throws BunkerError unauthorized, not-found */
export async function findCredentials(name: RepositoryName, settings: RegistrySettings): Promise<Credentials | null> {
  // For the registry itself and whom it names, as those that are found.
  if (settings.credentials != null) return settings.credentials;
  for (const candidate of authFilePaths(settings)) {
    const file = await readAuthFile(candidate);
    const found = file === null ? null : await searchFile(file, name, settings);
    if (found !== null) return found;
  }
  return null;
}
