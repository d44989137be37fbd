// Where everything lies on disk and in the runtime directory. Names only; makes nothing but the two homes themselves.
//
//   <data home>/db.sqlite  blobs/sha256/<hex>  layers/<map>/<name>/{root,manifest}  containers/<id>/  volumes/<name>/_data
//               partial/<digest hex>  staging/<operation>/  trash/<name>  trash.lock  reserve  lib/  mount-points/  run/
//   <runtime home>/c/<id>/{lock,state.json,ctl}  u/  u.lock  swept
//
// The runtime home is the data home's `run`, not a directory of the session's: containers outlive sessions, and a directory
// that goes with the session (or that something tidies after ten days, as it does /tmp) would take away what they are found
// by. What is left of an earlier boot is told by the boot's id and swept.

import { lstatSync, mkdirSync, type Stats } from "node:fs";
import { BunkerError } from "../errors.ts";
import { type Digest, digestHex } from "../image/index.ts";

/** How ids inside a layer's files relate to the host's: each class has its own unpacked copies. */
export type LayerMap = "user" | "single" | `keep-${number}-${number}` | `ids-${string}`;

const PRIVATE = 0o700;
const GROUP_AND_OTHERS = 0o077;
/** One name in a folder, and not a way out of it. */
const COMPONENT = /^(?!\.{1,2}$)[^/\0]+$/;
const SHORT_HASH = 16;

export class Layout {
  constructor(
    readonly dataHome: string,
    readonly userRuntimeDir: string,
  ) {}

  database(): string {
    return `${this.dataHome}/db.sqlite`;
  }

  library(): string {
    return `${this.dataHome}/lib`;
  }

  container(id: string): string {
    return `${this.dataHome}/containers/${component(id)}`;
  }

  /** `c/<id>` in the runtime home: there while the container lives. */
  runtime(id: string): string {
    return `${this.userRuntimeDir}/c/${component(id)}`;
  }

  volume(name: string): string {
    return `${this.dataHome}/volumes/${component(name)}`;
  }

  blob(digest: Digest): string {
    return `${this.dataHome}/blobs/sha256/${component(digestHex(digest))}`;
  }

  layers(map: LayerMap): string {
    return `${this.dataHome}/layers/${component(map)}`;
  }

  layer(map: LayerMap, name: string): string {
    return `${this.layers(map)}/${component(name)}`;
  }

  /** A bottom layer for every container: what is mounted over needs something to lie on. */
  mountPoints(): string {
    return `${this.dataHome}/mount-points`;
  }

  /** What was found out about how containers can get their roots here. */
  storageFinding(): string {
    return `${this.dataHome}/storage`;
  }

  partial(digest: Digest): string {
    return `${this.dataHome}/partial/${component(digestHex(digest))}`;
  }

  staging(operation: string): string {
    return `${this.dataHome}/staging/${component(operation)}`;
  }

  trash(): string {
    return `${this.dataHome}/trash`;
  }

  /** A share of it says that something in the trash is being looked after. */
  trashLock(): string {
    return `${this.trash()}.lock`;
  }

  /** Room to be given up when the disk is full, so that deleting works. */
  reserve(): string {
    return `${this.dataHome}/reserve`;
  }

  /** As it is written into records, which survive a move of the data home. */
  relative(path: string): string {
    return path.slice(this.dataHome.length + 1);
  }
}

/** What a record says is not believed: a database that somebody changed must lead nowhere else. @throws BunkerError store */
function component(name: string): string {
  if (COMPONENT.test(name)) return name;
  throw new BunkerError("store", `the records name something that cannot be: ${JSON.stringify(name.slice(0, 100))}`, {
    hint: "The database was damaged or changed by hand.",
  });
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds and makes both homes. @throws BunkerError store */
export function openLayout(
  options: { root: string | null; runroot: string | null },
  environment: Environment,
  uid: number,
): Layout {
  const { root, runroot } = options;
  const dataHome = root === null ? defaultDataHome(environment) : absolute(root);
  ensurePrivate(dataHome, uid, "data home");
  if (runroot === null) {
    ensurePrivate(`${dataHome}/run`, uid, "runtime directory");
    return new Layout(dataHome, `${dataHome}/run`);
  }
  const hash = new Bun.CryptoHasher("sha256").update(dataHome).digest("hex").slice(0, SHORT_HASH);
  const runtime = `${absolute(runroot)}/${hash}`;
  ensurePrivate(absolute(runroot), uid, "runtime directory");
  ensurePrivate(runtime, uid, "runtime directory");
  return new Layout(dataHome, runtime);
}

function absolute(path: string): string {
  return path.startsWith("/") ? path.replace(/(?<=.)\/+$/, "") : `${process.cwd()}/${path}`;
}

function defaultDataHome(environment: Environment): string {
  const { XDG_DATA_HOME: data, HOME: home } = environment;
  if (data?.startsWith("/")) return `${data}/bunker`;
  if (home?.startsWith("/")) return `${home}/.local/share/bunker`;
  throw new BunkerError("store", "no place for the data home: neither HOME nor XDG_DATA_HOME is set", {
    hint: "Set HOME, or name a directory with --root.",
  });
}

const HINTS = {
  "data home": "Use another data home with --root.",
  "runtime directory": "Use another data home with --root, or another runtime directory with --runroot.",
};

/** Ours alone: what others could write to would be theirs to replace. */
function ensurePrivate(path: string, uid: number, what: keyof typeof HINTS): void {
  // What was just made is looked at as well: somebody may have been faster.
  const found = look(path, what) ?? make(path, what);
  const problem =
    found === null
      ? null
      : !found.isDirectory()
        ? "is not a directory"
        : found.uid !== uid
          ? "belongs to somebody else"
          : (found.mode & GROUP_AND_OTHERS) !== 0
            ? "is open to others"
            : null;
  if (problem === null) return;
  throw new BunkerError("store", `the ${what} "${path}" ${problem}`, {
    hint: problem === "is open to others" ? `Close it: chmod 700 ${path}` : HINTS[what],
  });
}

/** `null`: nothing is there. */
function look(path: string, what: keyof typeof HINTS): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (cause) {
    throw unusable(`looking at the ${what} "${path}"`, what, cause);
  }
}

function make(path: string, what: keyof typeof HINTS): Stats | null {
  try {
    mkdirSync(path, { recursive: true, mode: PRIVATE });
    return lstatSync(path);
  } catch (cause) {
    // What has to be written there says so itself; looking works all the same.
    if ((cause as NodeJS.ErrnoException).code === "EROFS" && what === "runtime directory") return null;
    throw unusable(`making the ${what} "${path}"`, what, cause);
  }
}

/** A file where a directory should be, a name too long: whatever it is, it is the user's to mend. */
function unusable(doing: string, what: keyof typeof HINTS, cause: unknown): BunkerError {
  return new BunkerError("store", `${doing}: ${(cause as Error).message}`, { hint: HINTS[what], cause });
}
