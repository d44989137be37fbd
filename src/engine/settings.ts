// The user's settings, of registries and of published ports: environment and `bunker/config.json` in the configuration home. Read
// when needed.

import { readFileSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { parsePublishAddress } from "../network/index.ts";
import type { RegistrySettings } from "../registry/index.ts";
import type { PullAccess } from "./pull.ts";

/** What registries are asked with. */
export function registrySettings(options: PullAccess): RegistrySettings {
  const environment = { ...process.env };
  const { HOME: home } = environment;
  return {
    home: home?.startsWith("/") ? home : null,
    environment,
    tlsVerify: options.tlsVerify,
    authFile: options.authFile,
    credentials: options.credentials,
    certDir: options.certDir,
    ...(options.retries === undefined ? {} : { retries: options.retries }),
    ...(options.retryDelayMs === undefined ? {} : { fixedDelayMs: options.retryDelayMs }),
    insecureRegistries: readInsecureRegistries(environment),
  };
}

/** `BUNKER_INSECURE_REGISTRIES` (comma-separated), and `insecureRegistries` of the configuration file. */
function readInsecureRegistries(environment: NodeJS.ProcessEnv): string[] {
  const named = (environment["BUNKER_INSECURE_REGISTRIES"] ?? "").split(",").map((word) => word.trim());
  return [...named.filter((word) => word !== ""), ...configured(environment)];
}

function configured(environment: NodeJS.ProcessEnv): string[] {
  const file = readFile(environment);
  const list = file?.settings["insecureRegistries"] ?? [];
  if (Array.isArray(list) && list.every((entry) => typeof entry === "string")) return list;
  throw wrong(file?.path ?? "", '"insecureRegistries" is not a list of strings');
}

/**
 * Where ports are published that name no address: `BUNKER_PUBLISH_ADDRESS`, else `publishAddress` of the configuration file.
 * Empty: everywhere.
 *
 * @throws BunkerError usage
 */
export function publishAddress(environment: NodeJS.ProcessEnv): string {
  const named = environment["BUNKER_PUBLISH_ADDRESS"] ?? "";
  if (named !== "") return parsePublishAddress(named, "BUNKER_PUBLISH_ADDRESS");
  const file = readFile(environment);
  const value = file?.settings["publishAddress"] ?? "";
  if (typeof value !== "string") throw wrong(file?.path ?? "", '"publishAddress" is not a string');
  return value === "" ? "" : parsePublishAddress(value, `"publishAddress" in ${file?.path}`);
}

/** `null`: there is none. @throws BunkerError usage */
function readFile({
  XDG_CONFIG_HOME: config,
  HOME: home,
}: NodeJS.ProcessEnv): { path: string; settings: Record<string, unknown> } | null {
  const base = config?.startsWith("/") ? config : home?.startsWith("/") ? `${home}/.config` : null;
  if (base === null) return null;
  const path = `${base}/bunker/config.json`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  return { path, settings: parse(text, path) };
}

function parse(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw wrong(path, (cause as Error).message);
  }
  throw wrong(path, "not a JSON object");
}

function wrong(path: string, reason: string): BunkerError {
  return new BunkerError("usage", `reading "${path}": ${reason}`, { hint: "Mend or remove that file." });
}
