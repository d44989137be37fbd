// `--tmpfs TARGET[:OPTIONS]`, options as mount(8) has them.

import type { MountRequest } from "./mount-request.ts";
import { BunkerError } from "../errors.ts";
import { parseBytes } from "./size.ts";
import { parseTarget } from "./target.ts";

type TmpfsRequest = Extract<MountRequest, { kind: "tmpfs" }>;

/** Always so: nothing to do. */
const GRANTED = new Set(["nosuid", "nodev", "rw", "relatime", "noatime", "private", "rprivate"]);
const LATER = /^(?:suid|dev|(?:nr_inodes|nr_blocks|mpol|huge)=.*)$/;
const OWNER = /^([ug]id)=(\d{1,10})$/;
const MODE = /^[0-7]{1,4}$/;

/** @throws BunkerError usage, or unsupported */
export function parseTmpfsFlag(text: string): MountRequest {
  const colon = text.indexOf(":");
  const target = colon < 0 ? text : text.slice(0, colon);
  const request: TmpfsRequest = {
    kind: "tmpfs",
    target: parseTarget(target, `invalid tmpfs specification: '${text}': `),
    size: null,
    mode: null,
    readonly: false,
    exec: false,
  };
  const options = colon < 0 ? "" : text.slice(colon + 1);
  for (const option of options.split(",")) if (option !== "") applyOption(request, option);
  return request;
}

function applyOption(request: TmpfsRequest, option: string): void {
  if (GRANTED.has(option)) return;
  if (option === "ro") request.readonly = true;
  else if (option === "exec" || option === "noexec") request.exec = option === "exec";
  else if (option.startsWith("size=")) request.size = parseSize(option);
  else if (option.startsWith("mode=")) request.mode = parseMode(option);
  else if (option === "tmpcopyup") request.copyUp = true;
  else if (option === "notmpcopyup") delete request.copyUp;
  else if (OWNER.test(option)) setOwner(request, option);
  else if (LATER.test(option))
    throw new BunkerError("unsupported", `the tmpfs option "${option}" is not supported yet`);
  else throw invalidOption(option);
}

function setOwner(request: TmpfsRequest, option: string): void {
  const [, key = "", id] = OWNER.exec(option) ?? [];
  if (key === "uid") request.uid = Number(id);
  else request.gid = Number(id);
}

function parseSize(option: string): number {
  const text = option.slice("size=".length);
  if (text.endsWith("%")) {
    throw new BunkerError(
      "unsupported",
      `the tmpfs option "${option}" is not supported: it is a share of the host's memory`,
      {
        hint: "Give the size in bytes, like size=64m.",
      },
    );
  }
  const size = parseBytes(text);
  if (size === null) throw invalidOption(option);
  return size;
}

function parseMode(option: string): number {
  const text = option.slice("mode=".length);
  if (!MODE.test(text)) throw invalidOption(option);
  return Number.parseInt(text, 8);
}

function invalidOption(option: string): BunkerError {
  return new BunkerError("usage", `invalid tmpfs option ["${option}"]`, {
    hint: "The options are ro, rw, exec, noexec, size=64m, mode=1777, uid=, gid= and tmpcopyup.",
  });
}
