// docker top with options of ps: the host's own ps is asked, and of its lines those are shown that are about the container.

import { BunkerError } from "../errors.ts";

/** Two thousand processes with long command lines; no ps says more of one container. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/** The heading and the lines of these processes. @throws BunkerError in docker's words */
export function askHostPs(words: readonly string[], pids: ReadonlySet<number>): string[] {
  const { stdout, stderr, exitCode } = start(words);
  if (exitCode !== 0) {
    throw new BunkerError("usage", `ps: ${stderr.toString().trim().split("\n")[0] ?? ""}`, {
      hint: "The words behind the container's name are options of the host's ps.",
    });
  }
  const [heading = "", ...lines] = stdout.toString().trimEnd().split("\n");
  const column = heading.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new BunkerError("usage", "Couldn't find PID field in ps output");
  return [heading, ...lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])))];
}

function start(words: readonly string[]): { stdout: Buffer; stderr: Buffer; exitCode: number | null } {
  try {
    return Bun.spawnSync(["ps", ...words], { stdin: "ignore", env: psEnvironment(), maxBuffer: MAX_OUTPUT });
  } catch (cause) {
    throw new BunkerError("host-refused", "the host has no ps, which these options are for", {
      hint: "The package is procps; without options, with -ef, aux or -o bunker needs none.",
      cause,
    });
  }
}

/** What is started gets nothing that would make it do more than list. */
function psEnvironment(): Record<string, string> {
  const { PATH = "/usr/bin:/bin", LANG, LC_ALL, TZ } = process.env;
  const kept = { LANG, LC_ALL, TZ };
  const given = Object.entries(kept).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { PATH, ...Object.fromEntries(given) };
}
