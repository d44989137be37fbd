// I1: a tree outside everything the engine may touch, with one of every kind of thing that an escape would change or read.
// Compared by content, mode, owner, times (ctime included: nothing changes without it) and extended attributes.

import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { extendedAttributes, setExtendedAttribute } from "./libc.ts";
import { entriesOf, listing } from "./store-dump.ts";
import { TEXTS } from "./store-layout.ts";
import type { TestUser } from "./user.ts";

/** An owner that is neither root nor the user nor any of its subordinate ids. */
const OTHER_UID = 4242;

export class Canary {
  readonly root: string;
  /** Never to be seen in any output, log or record of the engine's. */
  readonly secret: string;
  readonly #before: string[];

  /** Plants the tree at `root`, which must not exist. */
  constructor(root: string, user: TestUser) {
    this.root = root;
    this.secret = `canary-${crypto.randomUUID()}`;
    plant(root, this.secret, user);
    this.#before = describeTree(root);
  }

  /** What changed. */
  changes(): string[] {
    const after = describeTree(this.root);
    const had = new Set(this.#before);
    const has = new Set(after);
    return [
      ...after.filter((line) => !had.has(line)).map((line) => `canary now: ${line}`),
      ...this.#before.filter((line) => !has.has(line)).map((line) => `canary was: ${line}`),
    ];
  }

  /** Where the secret turned up: in these texts, or in the store's records and logs. */
  leaks(outputs: string[], dataHome: string): string[] {
    const told = outputs
      .filter((text) => text.includes(this.secret))
      .map((text) => `secret in output: ${text.slice(0, 200)}`);
    const paths = TEXTS.flatMap((glob) => entriesOf(dataHome, glob)).map((path) => join(dataHome, path));
    const files = paths.filter((path) => lstatSync(path).isFile() && readFileSync(path).includes(this.secret));
    return [...told, ...files.map((path) => `secret in ${path}`)];
  }
}

function plant(root: string, secret: string, user: TestUser): void {
  const at = (name: string) => join(root, name);
  const file = (name: string, mode: number, [uid, gid]: [number, number]) => {
    writeFileSync(at(name), `${secret} ${name}\n`);
    chownSync(at(name), uid, gid);
    chmodSync(at(name), mode);
  };
  const mine: [number, number] = [user.uid, user.gid];
  mkdirSync(root);
  mkdirSync(at("folder"));
  mkdirSync(at("sticky"), { mode: 0o1777 });
  file("regular", 0o644, mine);
  file("private", 0o600, mine);
  file("read-only", 0o444, mine);
  file("setuid", 0o4755, [0, 0]);
  file("setgid", 0o2755, [0, 0]);
  file("of-another", 0o644, [OTHER_UID, OTHER_UID]);
  file("folder/inside", 0o644, mine);
  file("attribute", 0o644, mine);
  setExtendedAttribute(at("attribute"), "user.canary", secret);
  symlinkSync("folder/inside", at("link"));
  symlinkSync("/nowhere", at("dangling"));
  Bun.spawnSync(["mkfifo", at("fifo")]);
  // The user's own, and writable: what keeps an escape from changing it is the engine alone.
  for (const name of ["", "folder"]) chownSync(at(name), user.uid, user.gid);
}

function describeTree(path: string, name = "."): string[] {
  const children = listing(path).sort();
  return [describe(path, name), ...children.flatMap((child) => describeTree(join(path, child), `${name}/${child}`))];
}

function describe(path: string, name: string): string {
  const { mode, uid, gid, nlink, ctimeNs, mtimeNs, rdev } = lstatSync(path, { bigint: true });
  const content = contentOf(path);
  const attributes = extendedAttributes(path).map(([key, value]) => `${key}=${value}`);
  const hash = new Bun.CryptoHasher("sha256").update(content).digest("hex").slice(0, 16);
  return `${name} ${mode.toString(8)} ${uid}:${gid} links ${nlink} device ${rdev} ${mtimeNs}/${ctimeNs} ${hash} ${attributes.join(" ")}`;
}

function contentOf(path: string): string | Uint8Array {
  const status = lstatSync(path);
  if (status.isSymbolicLink()) return readlinkSync(path);
  return status.isFile() ? readFileSync(path) : "";
}
