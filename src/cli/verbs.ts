// The command table: every verb's name, its one line and where it is; and the groups that hold them.
// Imports nothing at start-up but a list of lazy imports: one chunk per verb.

import type { Verb } from "./verb.ts";

export interface VerbEntry {
  summary: string;
  load: () => Promise<{ verb: Verb }>;
  /** Shown under "Common Commands". */
  common?: boolean;
}

export interface GroupEntry {
  summary: string;
  /** Name in the group → name in VERBS. The first name of a verb is shown, the others are aliases. */
  members: Readonly<Record<string, string>>;
}

export const PROGRAM = "bunker";

/** A verb's key here is its name at the top level; keys with a space exist in their group alone. */
export const VERBS: Readonly<Record<string, VerbEntry>> = {
  run: {
    summary: "Create and run a new container from an image",
    load: () => import("./commands/run.ts"),
    common: true,
  },
  exec: { summary: "Execute a command in a running container", load: () => import("./commands/exec.ts"), common: true },
  ps: { summary: "List containers", load: () => import("./commands/ps.ts"), common: true },
  pull: { summary: "Download an image from a registry", load: () => import("./commands/pull.ts"), common: true },
  images: { summary: "List images", load: () => import("./commands/images.ts"), common: true },
  version: { summary: "Show the version information", load: () => import("./commands/version.ts"), common: true },
  attach: {
    summary: "Attach local standard input, output, and error streams to a running container",
    load: () => import("./commands/attach.ts"),
  },
  cp: {
    summary: "Copy files/folders between a container and the local filesystem",
    load: () => import("./commands/cp.ts"),
  },
  create: { summary: "Create a new container", load: () => import("./commands/create.ts") },
  diff: {
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: () => import("./commands/diff.ts"),
  },
  doctor: {
    summary: "Find out what this host lacks for containers, and how to mend it",
    load: () => import("./commands/doctor.ts"),
  },
  export: {
    summary: "Export a container's filesystem as a tar archive",
    load: () => import("./commands/export.ts"),
  },
  history: { summary: "Show the history of an image", load: () => import("./commands/history.ts") },
  info: { summary: "Display system-wide information", load: () => import("./commands/info.ts"), common: true },
  inspect: {
    summary: "Return low-level information on containers and images",
    load: () => import("./commands/inspect.ts"),
  },
  kill: { summary: "Kill one or more running containers", load: () => import("./commands/kill.ts") },
  logs: { summary: "Fetch the logs of a container", load: () => import("./commands/logs.ts") },
  pause: { summary: "Pause all processes within one or more containers", load: () => import("./commands/pause.ts") },
  port: {
    summary: "List port mappings or a specific mapping for the container",
    load: () => import("./commands/port.ts"),
  },
  rename: { summary: "Rename a container", load: () => import("./commands/rename.ts") },
  restart: { summary: "Restart one or more containers", load: () => import("./commands/restart.ts") },
  rm: { summary: "Remove one or more containers", load: () => import("./commands/rm.ts") },
  rmi: { summary: "Remove one or more images", load: () => import("./commands/rmi.ts") },
  runtime: {
    summary: "Run OCI bundles, as other engines ask their runtime to",
    load: () => import("./commands/runtime.ts"),
  },
  start: { summary: "Start one or more stopped containers", load: () => import("./commands/start.ts") },
  stats: {
    summary: "Display a live stream of container(s) resource usage statistics",
    load: () => import("./commands/stats.ts"),
  },
  stop: { summary: "Stop one or more running containers", load: () => import("./commands/stop.ts") },
  tag: {
    summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    load: () => import("./commands/tag.ts"),
  },
  top: { summary: "Display the running processes of a container", load: () => import("./commands/top.ts") },
  unpause: {
    summary: "Unpause all processes within one or more containers",
    load: () => import("./commands/unpause.ts"),
  },
  untag: { summary: "Remove one or more names from an image", load: () => import("./commands/untag.ts") },
  wait: {
    summary: "Block until one or more containers stop, then print their exit codes",
    load: () => import("./commands/wait.ts"),
  },
  completion: {
    summary: "Generate the autocompletion script for the specified shell",
    load: () => import("./commands/completion.ts"),
  },
  help: { summary: "Help about any command", load: () => import("./commands/help.ts") },
  "container exists": {
    summary: "Check if a container exists",
    load: () => import("./commands/container-exists.ts"),
  },
  "container inspect": {
    summary: "Display detailed information on one or more containers",
    load: () => import("./commands/container-inspect.ts"),
  },
  "container prune": {
    summary: "Remove all stopped containers",
    load: () => import("./commands/container-prune.ts"),
  },
  "image exists": { summary: "Check if an image exists", load: () => import("./commands/image-exists.ts") },
  "image inspect": {
    summary: "Display detailed information on one or more images",
    load: () => import("./commands/image-inspect.ts"),
  },
  "image prune": { summary: "Remove unused images", load: () => import("./commands/image-prune.ts") },
  "network connect": {
    summary: "Connect a container to a network",
    load: () => import("./commands/network-connect.ts"),
  },
  "network create": { summary: "Create a network", load: () => import("./commands/network-create.ts") },
  "network disconnect": {
    summary: "Disconnect a container from a network",
    load: () => import("./commands/network-disconnect.ts"),
  },
  "network exists": { summary: "Check if a network exists", load: () => import("./commands/network-exists.ts") },
  "network inspect": {
    summary: "Display detailed information on one or more networks",
    load: () => import("./commands/network-inspect.ts"),
  },
  "network ls": { summary: "List networks", load: () => import("./commands/network-ls.ts") },
  "network prune": { summary: "Remove all unused networks", load: () => import("./commands/network-prune.ts") },
  "network rm": { summary: "Remove one or more networks", load: () => import("./commands/network-rm.ts") },
  "system df": { summary: "Show disk usage", load: () => import("./commands/system-df.ts") },
  "system prune": { summary: "Remove unused data", load: () => import("./commands/system-prune.ts") },
  "system reset": {
    summary: "Remove all containers, images and volumes",
    load: () => import("./commands/system-reset.ts"),
  },
  "volume create": { summary: "Create a volume", load: () => import("./commands/volume-create.ts") },
  "volume exists": { summary: "Check if a volume exists", load: () => import("./commands/volume-exists.ts") },
  "volume inspect": {
    summary: "Display detailed information on one or more volumes",
    load: () => import("./commands/volume-inspect.ts"),
  },
  "volume ls": { summary: "List volumes", load: () => import("./commands/volume-ls.ts") },
  "volume prune": { summary: "Remove unused local volumes", load: () => import("./commands/volume-prune.ts") },
  "volume rm": { summary: "Remove one or more volumes", load: () => import("./commands/volume-rm.ts") },
};

export const GROUPS: Readonly<Record<string, GroupEntry>> = {
  container: {
    summary: "Manage containers",
    members: {
      attach: "attach",
      cp: "cp",
      create: "create",
      diff: "diff",
      exec: "exec",
      exists: "container exists",
      export: "export",
      inspect: "container inspect",
      kill: "kill",
      logs: "logs",
      ls: "ps",
      list: "ps",
      pause: "pause",
      port: "port",
      prune: "container prune",
      ps: "ps",
      rename: "rename",
      restart: "restart",
      rm: "rm",
      remove: "rm",
      run: "run",
      start: "start",
      stats: "stats",
      stop: "stop",
      top: "top",
      unpause: "unpause",
      wait: "wait",
    },
  },
  image: {
    summary: "Manage images",
    members: {
      exists: "image exists",
      history: "history",
      inspect: "image inspect",
      ls: "images",
      list: "images",
      prune: "image prune",
      pull: "pull",
      rm: "rmi",
      remove: "rmi",
      tag: "tag",
      untag: "untag",
    },
  },
  network: {
    summary: "Manage networks",
    members: {
      connect: "network connect",
      create: "network create",
      disconnect: "network disconnect",
      exists: "network exists",
      inspect: "network inspect",
      ls: "network ls",
      list: "network ls",
      prune: "network prune",
      rm: "network rm",
      remove: "network rm",
    },
  },
  system: {
    summary: "Manage bunker",
    members: { df: "system df", info: "info", prune: "system prune", reset: "system reset" },
  },
  volume: {
    summary: "Manage volumes",
    members: {
      create: "volume create",
      exists: "volume exists",
      inspect: "volume inspect",
      ls: "volume ls",
      list: "volume ls",
      prune: "volume prune",
      rm: "volume rm",
      remove: "volume rm",
    },
  },
};

/** Own keys only: a verb called `constructor` is not there. */
export function lookup<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
