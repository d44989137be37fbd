// Flags of run and create about what comes before the container's command and beside it: its init, its personality, what else is
// started first, where its numbers are written. Words → fields of the request; looks at the init's file alone.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { CreateRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { MountRequest } from "../volume/index.ts";
import type { FlagValues } from "./flags.ts";
import { ScanError } from "./strconv.ts";

const IMAGE_VOLUMES = ["bind", "tmpfs", "ignore"] as const;
/** personality(2): PER_LINUX, PER_LINUX32; what the OCI's specification knows. */
const PERSONALITIES: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };
/** What podman makes writable of a root that is not. */
const SCRATCH = ["/run", "/tmp", "/var/tmp"];

function parseImageVolume(word: string): (typeof IMAGE_VOLUMES)[number] {
  const known = IMAGE_VOLUMES.find((each) => each === word);
  if (known !== undefined) return known;
  throw new ScanError(`invalid image volume mode "${word}" required value: ${IMAGE_VOLUMES.join(", ")}`);
}

function parsePersonality(word: string): number {
  const known = PERSONALITIES[word.toUpperCase()];
  if (known !== undefined) return known;
  throw new ScanError(`unknown personality "${word}": it is LINUX or LINUX32`);
}

function parseChroot(word: string): string {
  if (word.startsWith("/") && !word.split("/").includes("..")) return word.replace(/\/+$/, "");
  throw new ScanError(`the directory '${word}' is invalid, it needs to be an absolute path`);
}

export const CONTENT_TRUST_FLAG = {
  kind: "boolean",
  default: true,
  help: "Skip image verification",
} as const;

export const START_FLAGS = {
  chrootdirs: {
    kind: "list",
    help: "Put the files of names into this directory of the container too",
    parse: parseChroot,
  },
  "conmon-pidfile": { kind: "string", help: "Write the PID of the container's keeper to the file" },
  "disable-content-trust": CONTENT_TRUST_FLAG,
  "image-volume": {
    kind: "string",
    help: 'What becomes of the image\'s volumes ("bind", "tmpfs", "ignore")',
    shownDefault: '"bind"',
    parse: parseImageVolume,
  },
  "init-path": {
    kind: "string",
    help: "Program of the host that is the init, in the place of ours",
    aliases: ["init-binary"],
  },
  personality: { kind: "string", help: "Execution domain of the process (LINUX, LINUX32)", parse: parsePersonality },
  pidfile: { kind: "string", help: "Write the PID of the container's process to the file" },
  "read-only-tmpfs": {
    kind: "boolean",
    help: "With --read-only, mount a writable tmpfs on /run, /tmp and /var/tmp",
  },
  requires: { kind: "list", help: "Start these containers first" },
  "storage-opt": { kind: "list", help: "Storage driver options for the container" },
  "volume-driver": { kind: "string", help: "Volume driver for the container", shownDefault: '"local"' },
} as const;

type StartValues = FlagValues<typeof START_FLAGS> & { init: boolean; "read-only": boolean };

/** What was said, and nothing else. @throws BunkerError in docker's and podman's words */
export function collectStart(values: StartValues): Partial<CreateRequest> {
  ensureDriver(values);
  ensureUnverified(values["disable-content-trust"]);
  const [pidFile, keeperPidFile] = [values.pidfile, values["conmon-pidfile"]].map((path) => path || null);
  const imageVolumes = values["image-volume"];
  const requires = values.requires.flatMap((word) => word.split(",")).filter((name) => name !== "");
  const initPath = values.init && values["init-path"] ? findInit(values["init-path"]) : null;
  return {
    ...(imageVolumes === null || imageVolumes === "bind" ? {} : { imageVolumes }),
    ...(initPath === null ? {} : { initPath }),
    ...(values.personality === null ? {} : { personality: values.personality }),
    ...(pidFile ? { pidFile: resolve(pidFile) } : {}),
    ...(keeperPidFile ? { keeperPidFile: resolve(keeperPidFile) } : {}),
    ...(requires.length === 0 ? {} : { requires }),
    ...(values.chrootdirs.length === 0 ? {} : { chrootDirectories: values.chrootdirs }),
  };
}

/** Those that nothing else is mounted on. */
export function scratchMounts(values: StartValues, mounts: readonly MountRequest[]): MountRequest[] {
  if (!values["read-only"] || !values["read-only-tmpfs"]) return [];
  const free = SCRATCH.filter((target) => !mounts.some((mount) => mount.target === target));
  return free.map((target) => {
    const size = { size: null, mode: null };
    return { kind: "tmpfs", target, ...size, readonly: false, exec: true, copyUp: true };
  });
}

function ensureDriver(values: StartValues): void {
  const driver = values["volume-driver"] ?? "local";
  if (driver !== "local" && driver !== "") {
    throw new BunkerError("unsupported", `the volume driver "${driver}" is not supported`, {
      hint: "Volumes are directories of the data home: the driver is local.",
    });
  }
  if (values["storage-opt"].length > 0) {
    throw new BunkerError(
      "unsupported",
      "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
      {
        hint: "Only root may set such a quota: put the data home on a file system of the size you want, with --root.",
      },
    );
  }
}

/** @throws BunkerError where somebody counts on a check that nobody makes */
export function ensureUnverified(disabled: boolean): void {
  if (disabled) return;
  throw new BunkerError("unsupported", "--disable-content-trust=false is not supported: nothing is signed by Notary", {
    hint: "Name the image by its digest: NAME@sha256:… is checked to the last byte.",
  });
}

function findInit(path: string): string {
  const found = resolve(path);
  if (statSync(found, { throwIfNoEntry: false })?.isFile() === true) return found;
  throw new BunkerError(
    "usage",
    `container-init binary not found on the host: stat ${found}: no such file or directory`,
  );
}
