// `--hostuser`: a user of this host as a line of the container's passwd. Reads the host's file alone: a directory service cannot be
// asked without its libraries.

import { readFileSync } from "node:fs";
import { BunkerError } from "../errors.ts";

const PASSWD = "/etc/passwd";
const NUMBER = /^\d+$/;

/** By name or number. @throws BunkerError in Go's words, as podman */
export function findHostUser(word: string, passwd = readPasswd()): string {
  const isNumber = NUMBER.test(word);
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", comment = "", home = ""] = line.split(":");
    if (name === "" || name.startsWith("#") || !NUMBER.test(uid) || !NUMBER.test(gid)) continue;
    // Of the comment the first part is the person's name (passwd(5)).
    if (word === (isNumber ? uid : name))
      return [name, "*", uid, gid, comment.split(",")[0], home, "/bin/sh"].join(":");
  }
  throw new BunkerError("usage", `user: unknown user${isNumber ? "id" : ""} ${word}`, {
    hint: `It is looked for in this host's ${PASSWD}.`,
  });
}

function readPasswd(): string {
  return readFileSync(PASSWD, "utf8");
}
