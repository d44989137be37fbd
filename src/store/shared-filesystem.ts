// File systems that share files between machines: they keep neither the locks nor the memory that a database needs, nor layers.

import { statfsSync } from "node:fs";
import { mountAbove, readMounts } from "./mounts.ts";

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
  return nameOfShared(statfsSync(path).type, () => mountAbove(path, readMounts())?.filesystem ?? "");
}

/** `kind`: as the mount's line has it, asked only of FUSE. */
export function nameOfShared(type: number, kind: () => string): string | null {
  // The kernel's numbers have 32 bits; where C's type is signed, some come out negative.
  const number = type >>> 0;
  if (number !== FUSE) return SHARED[number] ?? null;
  const served = kind();
  return SHARED_FUSE.test(served) ? served : null;
}
