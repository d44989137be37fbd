// The flags that come before the verb.

export const GLOBAL_FLAGS = {
  config: { kind: "string", help: "Directory of docker's config.json", shownDefault: '"~/.docker"' },
  debug: { kind: "boolean", short: "D", help: "Enable debug mode" },
  "log-level": {
    kind: "string",
    short: "l",
    help: 'Set the logging level ("debug", "info", "warn", "error", "fatal")',
    shownDefault: '"warn"',
  },
  root: { kind: "string", help: "Directory for images, containers and volumes" },
  runroot: { kind: "string", help: "Directory for sockets and locks of running containers" },
  runtime: { kind: "string", help: "OCI runtime for containers that are made: a name or the path of a program" },
  "runtime-flag": { kind: "list", help: "Flag for that program, without its dashes" },
  version: { kind: "boolean", short: "v", help: "Print version information and quit" },
} as const;
