// The flags that run and create share: one definition for the parser, help and completion.

import { parseEnvironmentWord, parseLabelWord } from "./environment.ts";
import type { FlagValues } from "./flags.ts";
import { parseMountWord } from "./mounts.ts";
import { ScanError } from "./strconv.ts";
import { parseUlimit } from "./ulimit.ts";

export type StreamWord = "stdin" | "stdout" | "stderr";

function parseStream(word: string): StreamWord {
  const lower = word.toLowerCase();
  if (lower === "stdin" || lower === "stdout" || lower === "stderr") return lower;
  throw new ScanError("valid streams are STDIN, STDOUT and STDERR");
}

export const CREATE_FLAGS = {
  attach: { kind: "list", short: "a", help: "Attach to STDIN, STDOUT or STDERR", parse: parseStream },
  "cap-add": { kind: "list", help: "Add Linux capabilities" },
  "cap-drop": { kind: "list", help: "Drop Linux capabilities" },
  cidfile: { kind: "string", help: "Write the container ID to the file" },
  domainname: { kind: "string", help: "Container NIS domain name" },
  entrypoint: { kind: "string", help: "Overwrite the default ENTRYPOINT of the image" },
  env: { kind: "list", short: "e", help: "Set environment variables", parse: parseEnvironmentWord },
  "env-file": { kind: "list", help: "Read in a file of environment variables" },
  hostname: { kind: "string", short: "h", help: "Container host name" },
  init: { kind: "boolean", help: "Run an init inside the container that forwards signals and reaps processes" },
  interactive: { kind: "boolean", short: "i", help: "Keep STDIN open even if not attached" },
  label: { kind: "list", short: "l", help: "Set meta data on a container", parse: parseLabelWord },
  mount: {
    kind: "list",
    placeholder: "mount",
    help: "Attach a filesystem mount to the container",
    parse: parseMountWord,
  },
  name: { kind: "string", help: "Assign a name to the container" },
  network: {
    kind: "string",
    placeholder: "network",
    help: 'Connect a container to a network ("none", "host", "default")',
    aliases: ["net"],
  },
  platform: { kind: "string", help: "Set platform if server is multi-platform capable" },
  pull: { kind: "string", help: 'Pull image before running ("always", "missing", "never")', shownDefault: '"missing"' },
  quiet: { kind: "boolean", short: "q", help: "Suppress the pull output" },
  "read-only": { kind: "boolean", help: "Mount the container's root filesystem as read only" },
  rm: {
    kind: "boolean",
    help: "Automatically remove the container and its associated anonymous volumes when it exits",
  },
  "security-opt": { kind: "list", help: "Security Options" },
  "stop-signal": { kind: "string", help: "Signal to stop the container" },
  "stop-timeout": { kind: "integer", help: "Timeout (in seconds) to stop a container" },
  tmpfs: { kind: "list", help: "Mount a tmpfs directory" },
  tty: { kind: "boolean", short: "t", help: "Allocate a pseudo-TTY" },
  ulimit: { kind: "list", placeholder: "ulimit", help: "Ulimit options", parse: parseUlimit },
  user: { kind: "string", short: "u", help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
  volume: { kind: "list", short: "v", help: "Bind mount a volume" },
  workdir: { kind: "string", short: "w", help: "Working directory inside the container" },
} as const;

export type CreateValues = FlagValues<typeof CREATE_FLAGS>;
