// The ordinary users that tests run the engine as. Made once by the same script that `npm start` uses.

import { join } from "node:path";

export interface TestUser {
  name: string;
  uid: number;
  gid: number;
}

export type UserKind = "subids" | "plain" | "root";

const SCRIPT = join(import.meta.dir, "../../scripts/user.sh");
/** `plain` is a user without subordinate ids: single-id mode. */
const ACCOUNTS = { subids: ["bunkertest"], plain: ["bunkerplain", "--no-subids"] };

const known = new Map<UserKind, TestUser>([["root", { name: "root", uid: 0, gid: 0 }]]);

/** Needs root. */
export function testUser(kind: UserKind): TestUser {
  const found = known.get(kind);
  if (found !== undefined) return found;
  if (kind === "root") throw new Error("unreachable: root is always known");
  const [name = "", ...options] = ACCOUNTS[kind];
  const { stdout, stderr, success } = Bun.spawnSync(["sh", SCRIPT, name, ...options]);
  if (!success) throw new Error(`making the user "${name}": ${stderr.toString()}`);
  const [uid, gid] = stdout.toString().split(" ").map(Number);
  if (uid === undefined || gid === undefined) throw new Error(`making the user "${name}": ${stdout.toString()}`);
  const user = { name, uid, gid };
  known.set(kind, user);
  return user;
}
