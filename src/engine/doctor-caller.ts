// Real root asks what a host lacks for somebody else: for the one who called sudo, or for the one whom the engine becomes as root. That
// one looks for himself, in a process of his own; root only mends.

import { existsSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import type { Finding } from "../host/index.ts";
import { isRealRoot, readText } from "./host.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** `asked`: words before the verb. `null`: we are not root, or it is about ourselves. @throws BunkerError what he could not find out */
export function examineForCaller(asked: readonly string[], options: { mends: boolean }): Finding[] | null {
  if (!isRealRoot(process.getuid?.() ?? 0)) return null;
  const account = findCaller(Number(process.env["SUDO_UID"] ?? "0"));
  if (account === null && !options.mends) return null;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, ...asked, "doctor", "--json"], {
    ...(account === null ? {} : { uid: account.uid, gid: account.gid, cwd: "/", env: environmentOf(account) }),
    stdin: "ignore",
  });
  try {
    return JSON.parse(stdout.toString()) as Finding[];
  } catch (cause) {
    const said = stderr
      .toString()
      .trim()
      .replace(/^bunker: /, "");
    const [message = "", hint] = said.split("\nhint: ");
    const text = message === "" ? "nothing was found out" : message;
    throw new BunkerError("system", `examining the host for ${account?.name ?? "root"}: ${text}`, {
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  }
}

/** passwd(5). */
function findCaller(uid: number): Account | null {
  if (!(uid > 0)) return null;
  const fields = readText("/etc/passwd")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, , id]) => id === String(uid));
  const [name = "", , , gid = "", , home = ""] = fields ?? [];
  return name === "" ? null : { name, uid, gid: Number(gid), home };
}

/** As at a login: sudo's is root's. */
function environmentOf({ name, uid, home }: Account): Record<string, string> {
  const runtime = `/run/user/${uid}`;
  const own = { PATH, HOME: home, USER: name, LOGNAME: name };
  return existsSync(runtime) ? { ...own, XDG_RUNTIME_DIR: runtime } : own;
}
