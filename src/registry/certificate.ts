// The certificates that a host is checked against: Bun's own set (its bundle, the system's, SSL_CERT_FILE, SSL_CERT_DIR,
// NODE_EXTRA_CA_CERTS of this process), and docker's and podman's directories for one host:
//
//   ~/.docker/certs.d/HOST[:PORT]/            *.crt         certificates of authorities, beside the usual ones
//   ~/.config/containers/certs.d/HOST[:PORT]/ NAME.cert     a client certificate …
//   /etc/docker/certs.d/, /etc/containers/…   NAME.key      … and its key
//
// With --cert-dir that one takes the place of a registry's own.
//
// Reads files; never writes. Nothing of the heavy TLS module is loaded where no such directory exists.

import { BunkerError } from "../errors.ts";
import type { RegistrySettings } from "./settings.ts";

/** fetch's `tls` option, as far as we use it. */
export interface TlsOptions {
  rejectUnauthorized?: boolean;
  ca?: string[];
  cert?: string;
  key?: string;
}

/** A few authorities are a few KiB. */
const MAX_FILE_BYTES = 1024 * 1024;
const NOTHING_THERE = new Set(["ENOENT", "ENOTDIR", "EACCES"]);

/** The directories of one host, the user's first. */
export function certificateDirectories(host: string, port: string, settings: RegistrySettings): string[] {
  const { home, environment } = settings;
  const config = environment["XDG_CONFIG_HOME"] || (home === null ? null : `${home}/.config`);
  const parents = [
    home === null ? null : `${home}/.docker`,
    config === null ? null : `${config}/docker`,
    config === null ? null : `${config}/containers`,
    "/etc/docker",
    "/etc/containers",
  ];
  const names = port === "" ? [host, `${host}:443`] : [`${host}:${port}`];
  return parents.flatMap((parent) => (parent === null ? [] : names.map((name) => `${parent}/certs.d/${name}`)));
}

/** `required`: the user named it, so it must be there. */
async function listDirectory(path: string, required: boolean): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (!required && NOTHING_THERE.has((error as { code?: string }).code ?? "")) return [];
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): BunkerError {
  const message = `reading certificates from ${JSON.stringify(path)}: ${(cause as Error).message}`;
  return new BunkerError("network", message, { hint: "Repair the file, or remove it.", cause });
}

async function readPem(path: string): Promise<string> {
  try {
    const file = Bun.file(path);
    const text = await file.slice(0, MAX_FILE_BYTES).text();
    if (!text.includes("-----BEGIN ")) throw new Error("not in PEM format");
    return text;
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readClientPair(directory: string, names: string[]): Promise<{ cert: string; key: string } | null> {
  const certificate = names.find((name) => name.endsWith(".cert"));
  const stem = certificate?.slice(0, -".cert".length);
  if (certificate === undefined) {
    const lonely = names.find((name) => name.endsWith(".key"));
    if (lonely === undefined) return null;
    throw unreadable(
      `${directory}/${lonely}`,
      new Error(`missing client certificate ${lonely.slice(0, -".key".length)}.cert for key ${lonely}`),
    );
  }
  if (!names.includes(`${stem}.key`)) {
    const message = `missing key ${stem}.key for client certificate ${certificate}. CA certificates must use the extension .crt`;
    throw unreadable(`${directory}/${certificate}`, new Error(message));
  }
  return { cert: await readPem(`${directory}/${certificate}`), key: await readPem(`${directory}/${stem}.key`) };
}

/** What Bun trusts by itself; giving `ca` would otherwise replace it. */
async function usualAuthorities(): Promise<string[]> {
  const { getCACertificates } = await import("node:tls");
  const kinds = ["bundled", "system", "extra"] as const;
  return [...new Set(kinds.flatMap((kind) => getCACertificates(kind)))];
}

/**
 * The `tls` option for one host; null where the defaults do. `isRegistry`: not one that the registry sends us to.
 * @throws BunkerError network, for files that cannot be used
 */
export async function readTlsOptions(
  url: URL,
  settings: RegistrySettings,
  isRegistry: boolean,
): Promise<TlsOptions | null> {
  const named = settings.certDir ?? null;
  const usual = named !== null && isRegistry ? [] : certificateDirectories(url.hostname, url.port, settings);
  const authorities: string[] = [];
  let client: { cert: string; key: string } | null = null;
  for (const directory of [...(named === null ? [] : [named]), ...usual]) {
    const names = await listDirectory(directory, directory === named);
    for (const name of names.filter((candidate) => candidate.endsWith(".crt")))
      authorities.push(await readPem(`${directory}/${name}`));
    // We show ourselves to nobody else.
    if (directory !== named || isRegistry) client ??= await readClientPair(directory, names);
  }
  if (authorities.length === 0 && client === null) return null;
  return {
    ...(authorities.length === 0 ? {} : { ca: [...(await usualAuthorities()), ...authorities] }),
    ...client,
  };
}
