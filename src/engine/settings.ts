// The user's settings that concern registries: environment and `bunker/config.json` in the configuration home. Read when needed.

import { readFileSync } from "node:fs";
import { BunkerError } from "../errors.ts";
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

function configured({ XDG_CONFIG_HOME: config, HOME: home }: NodeJS.ProcessEnv): string[] {
  const base = config?.startsWith("/") ? config : home?.startsWith("/") ? `${home}/.config` : null;
  if (base === null) return [];
  const path = `${base}/bunker/config.json`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  const list = parse(text, path)["insecureRegistries"] ?? [];
  if (Array.isArray(list) && list.every((entry) => typeof entry === "string")) return list;
  throw wrong(path, '"insecureRegistries" is not a list of strings');
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
