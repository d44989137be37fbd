// Which bunker this is. The build defines the two constants; run from source they are missing.

import { version } from "../../package.json";

declare const BUNKER_COMMIT: string | undefined;
declare const BUNKER_BUILT: string | undefined;

/** The Engine API whose words and shapes we follow. */
export const API_VERSION = "1.51";
const UNKNOWN = "unknown";

export interface VersionFacts {
  version: string;
  commit: string;
  /** When the binary was built. */
  built: string;
}

export function readVersion(): VersionFacts {
  return {
    version,
    commit: typeof BUNKER_COMMIT === "string" ? BUNKER_COMMIT : UNKNOWN,
    built: typeof BUNKER_BUILT === "string" ? BUNKER_BUILT : UNKNOWN,
  };
}

/** docker's line for `--version`. */
export function shortVersion(): string {
  const { commit } = readVersion();
  return `bunker version ${version}, build ${commit}`;
}
