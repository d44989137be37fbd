// File systems that share files between machines: they keep neither the locks nor the memory that a database needs, nor layers.

import { readFileSync, statfsSync } from "node:fs";

/** statfs(2). */
const SHARED: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x01021997: "9P",
  0x5346414f: "AFS",
  0x00c36400: "Ceph",
  0x0bd00bd0: "Lustre",
};
const FUSE = 0x65735546;
/** Of programs that serve a file system; others may be local. */
const SHARED_FUSE =
  /^fuse\.(?:sshfs|glusterfs|ceph|s3fs|goofys|gcsfuse|rclone|davfs|curlftpfs|juicefs|seaweedfs|moosefs|mfs)/;

/** What such a file system is called; `null`: none of them. */
export function sharedFilesystem(path: string): string | null {
  return nameOfShared(statfsSync(path).type, () => mountedAt(path, readFileSync("/proc/self/mountinfo", "utf8")));
}

/** `kind`: as the mount's line has it, asked only of FUSE. */
export function nameOfShared(type: number, kind: () => string): string | null {
  // The kernel's numbers have 32 bits; where C's type is signed, some come out negative.
  const number = type >>> 0;
  if (number !== FUSE) return SHARED[number] ?? null;
  const served = kind();
  return SHARED_FUSE.test(served) ? served : null;
}

/** proc_pid_mountinfo(5): of the mounts above a path, the kind of the deepest, and of these the last. */
export function mountedAt(path: string, mounts: string): string {
  let best = { depth: -1, kind: "" };
  for (const line of mounts.split("\n")) {
    const [place, rest] = line.split(" - ");
    const point = place
      ?.split(" ")[4]
      ?.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
    if (point === undefined || !(point === "/" || path === point || path.startsWith(`${point}/`))) continue;
    if (point.length >= best.depth) best = { depth: point.length, kind: rest?.split(" ")[0] ?? "" };
  }
  return best.kind;
}
