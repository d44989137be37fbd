// The flags that run and create share: one definition for the parser, help and completion.

import { parseMapLine } from "../container/index.ts";
import { parseBytes } from "../volume/index.ts";
import { parseEnvironmentWord, parseLabelWord, parseMergedWord } from "./environment.ts";
import type { FlagValues } from "./flags.ts";
import { parseMountWord } from "./mounts.ts";
import {
  parseExtraHost,
  parseHostsFile,
  parseNameServer,
  parseResolverOption,
  parseSearchDomain,
} from "./name-flags.ts";
import { parseLinkFlag, parsePublishWord } from "./network-flags.ts";
import { ACCESS_FLAGS, PLATFORM_FLAGS } from "./pull-flags.ts";
import { parseEntry, parseSysctl, parseTimezone, parseUmask } from "./process-flags.ts";
import { parseDeviceWord } from "./space-flags.ts";
import { ScanError } from "./strconv.ts";
import { START_FLAGS } from "./start-flags.ts";
import { parseUlimit } from "./ulimit.ts";

export type StreamWord = "stdin" | "stdout" | "stderr";

function parseStream(word: string): StreamWord {
  const lower = word.toLowerCase();
  if (lower === "stdin" || lower === "stdout" || lower === "stderr") return lower;
  throw new ScanError("valid streams are STDIN, STDOUT and STDERR");
}

function parseAnnotationWord(word: string): [key: string, value: string] {
  const equals = word.indexOf("=");
  if (equals <= 0) throw new ScanError(`annotations must be formatted KEY=VALUE`);
  return [word.slice(0, equals), word.slice(equals + 1)];
}

function parseShmSize(word: string): number {
  const size = parseBytes(word);
  if (size === null) throw new ScanError(`invalid size: '${word}'`);
  return size;
}

export const CREATE_FLAGS = {
  ...ACCESS_FLAGS,
  ...PLATFORM_FLAGS,
  ...START_FLAGS,
  "add-host": { kind: "list", help: "Add a custom host-to-IP mapping (host:ip)", parse: parseExtraHost },
  annotation: {
    kind: "list",
    placeholder: "map",
    help: "Add an annotation to the container",
    parse: parseAnnotationWord,
  },
  attach: { kind: "list", short: "a", help: "Attach to STDIN, STDOUT or STDERR", parse: parseStream },
  "cap-add": { kind: "list", help: "Add Linux capabilities" },
  "cap-drop": { kind: "list", help: "Drop Linux capabilities" },
  cgroupns: { kind: "string", help: 'Cgroup namespace to use ("host", "private")' },
  cidfile: { kind: "string", help: "Write the container ID to the file" },
  device: { kind: "list", help: "Add a host device to the container", parse: parseDeviceWord },
  dns: { kind: "list", help: "Set custom DNS servers", parse: parseNameServer },
  "dns-option": { kind: "list", help: "Set DNS options", parse: parseResolverOption, aliases: ["dns-opt"] },
  "dns-search": { kind: "list", help: "Set custom DNS search domains", parse: parseSearchDomain },
  domainname: { kind: "string", help: "Container NIS domain name" },
  entrypoint: { kind: "string", help: "Overwrite the default ENTRYPOINT of the image" },
  env: { kind: "list", short: "e", help: "Set environment variables", parse: parseEnvironmentWord },
  "env-file": { kind: "list", help: "Read in a file of environment variables" },
  "env-host": { kind: "boolean", help: "Hand on the environment of this command" },
  "env-merge": {
    kind: "list",
    help: "Change variables of the image, which may refer to others (NAME=${NAME}:more)",
    parse: parseMergedWord,
  },
  expose: { kind: "list", help: "Expose a port or a range of ports" },
  gidmap: {
    kind: "list",
    placeholder: "map",
    help: "GID map of the container ([+][u][g]CONTAINER:HOST[:SIZE])",
    parse: (word: string) => parseMapLine(word, "--gidmap"),
  },
  "group-add": { kind: "list", help: "Add additional groups to join" },
  "group-entry": {
    kind: "string",
    help: "The entry of its group: $GROUPNAME, $GID and $USERLIST are filled in",
    parse: parseEntry,
  },
  hostuser: { kind: "list", help: "Add a user of the host to the container's /etc/passwd" },
  "hosts-file": {
    kind: "string",
    help: 'What /etc/hosts begins with: a file of the host, "image" or "none"',
    parse: parseHostsFile,
  },
  hostname: { kind: "string", short: "h", help: "Container host name" },
  "http-proxy": { kind: "boolean", help: "Hand on http_proxy, https_proxy, ftp_proxy and no_proxy" },
  init: { kind: "boolean", help: "Run an init inside the container that forwards signals and reaps processes" },
  interactive: { kind: "boolean", short: "i", help: "Keep STDIN open even if not attached" },
  ip: { kind: "string", help: "IPv4 address (e.g., 172.30.100.104)" },
  ip6: { kind: "string", help: "IPv6 address (e.g., 2001:db8::33)" },
  ipc: { kind: "string", help: "IPC mode to use" },
  label: { kind: "list", short: "l", help: "Set meta data on a container", parse: parseLabelWord },
  "label-file": { kind: "list", help: "Read in a line delimited file of labels" },
  link: { kind: "list", help: "Add link to another container (NAME[:ALIAS])", parse: parseLinkFlag },
  "mac-address": { kind: "string", help: "Container MAC address (e.g., 92:d0:c6:0a:29:33)" },
  mount: {
    kind: "list",
    placeholder: "mount",
    help: "Attach a filesystem mount to the container",
    parse: parseMountWord,
  },
  name: { kind: "string", help: "Assign a name to the container" },
  network: {
    kind: "list",
    placeholder: "network",
    help: 'Connect a container to networks, or "none", "host", "container:NAME", "slirp4netns", "pasta"',
    aliases: ["net"],
  },
  "network-alias": { kind: "list", help: "Add network-scoped alias for the container", aliases: ["net-alias"] },
  "no-healthcheck": { kind: "boolean", help: "Disable any container-specified HEALTHCHECK" },
  "no-hostname": { kind: "boolean", help: "Leave the image's /etc/hostname" },
  "no-hosts": { kind: "boolean", help: "Leave the image's /etc/hosts" },
  "oom-score-adj": { kind: "integer", help: "Tune the host's OOM preferences (-1000 to 1000)" },
  passwd: { kind: "boolean", help: "Add an entry to /etc/passwd and /etc/group for a user that has none" },
  "passwd-entry": {
    kind: "string",
    help: "That entry: $USERNAME, $UID, $GID, $NAME and $HOME are filled in",
    parse: parseEntry,
  },
  pid: { kind: "string", help: "PID namespace to use" },
  privileged: { kind: "boolean", help: "Give extended privileges to this container" },
  publish: {
    kind: "list",
    short: "p",
    help: "Publish a container's port(s) to the host",
    parse: parsePublishWord,
  },
  "publish-all": { kind: "boolean", short: "P", help: "Publish all exposed ports to random ports" },
  pull: {
    kind: "string",
    help: 'Pull image before running ("always", "missing", "never", "newer")',
    shownDefault: '"missing"',
  },
  quiet: { kind: "boolean", short: "q", help: "Suppress the pull output" },
  "read-only": { kind: "boolean", help: "Mount the container's root filesystem as read only" },
  replace: { kind: "boolean", help: "Remove a container of the same name first" },
  rm: {
    kind: "boolean",
    help: "Automatically remove the container and its associated anonymous volumes when it exits",
  },
  rootfs: { kind: "boolean", help: "The first argument is a directory that is the container's root, and no image" },
  runtime: { kind: "string", help: "Runtime to use for this container (a name or the path of a program)" },
  "security-opt": { kind: "list", help: "Security Options" },
  "shm-size": { kind: "string", placeholder: "bytes", help: "Size of /dev/shm", parse: parseShmSize },
  "stop-signal": { kind: "string", help: "Signal to stop the container" },
  "stop-timeout": { kind: "integer", help: "Timeout (in seconds) to stop a container" },
  subgidname: { kind: "string", placeholder: "name", help: "Whose subordinate gids the container has (your own)" },
  subuidname: { kind: "string", placeholder: "name", help: "Whose subordinate uids the container has (your own)" },
  sysctl: { kind: "list", placeholder: "map", help: "Sysctl options", parse: parseSysctl },
  timeout: { kind: "integer", help: "Kill the container after so many seconds (0: never)" },
  tmpfs: { kind: "list", help: "Mount a tmpfs directory" },
  tty: { kind: "boolean", short: "t", help: "Allocate a pseudo-TTY" },
  tz: { kind: "string", help: 'Time zone of the container ("local": the host\'s)', parse: parseTimezone },
  uidmap: {
    kind: "list",
    placeholder: "map",
    help: "UID map of the container ([+][u][g]CONTAINER:HOST[:SIZE])",
    parse: (word: string) => parseMapLine(word, "--uidmap"),
  },
  ulimit: { kind: "list", placeholder: "ulimit", help: "Ulimit options", parse: parseUlimit },
  umask: { kind: "string", help: "Umask of the container's process (octal)", parse: parseUmask },
  unsetenv: { kind: "list", help: "Leave out a variable of the image" },
  "unsetenv-all": { kind: "boolean", help: "Leave out all variables of the image" },
  user: { kind: "string", short: "u", help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
  userns: {
    kind: "string",
    placeholder: "mode",
    help: 'User namespace to use ("auto", "container:NAME", "host", "keep-id", "nomap", "private")',
  },
  uts: { kind: "string", help: "UTS namespace to use" },
  volume: { kind: "list", short: "v", help: "Bind mount a volume" },
  "volumes-from": { kind: "list", help: "Mount volumes from the specified container(s)" },
  workdir: { kind: "string", short: "w", help: "Working directory inside the container" },
} as const;

export type CreateValues = FlagValues<typeof CREATE_FLAGS>;
