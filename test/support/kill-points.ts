// Where a command can be killed: every call of an interesting kind that it, or what it starts, makes. Pure: reads strace's
// output, chooses points.

import { Random } from "./random.ts";

/** Calls between which something on disk, in the kernel or between processes has changed. */
export const INTERESTING = [
  ..."openat,creat,write,pwrite64,writev,ftruncate,fallocate,copy_file_range,fsync,fdatasync,syncfs".split(","),
  ..."rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,mknodat".split(","),
  ..."chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,setxattr,fsetxattr,lsetxattr".split(","),
  ..."mount,fsconfig,fsmount,move_mount,umount2,pivot_root,setns,unshare,clone,clone3,fork,vfork".split(","),
  ..."execve,execveat,bind,connect,sendmsg,recvmsg,flock,fcntl,kill,pidfd_send_signal,exit_group".split(","),
];

/** The `nth` call of `syscall` in whichever process gets there first (strace counts for each thread apart). */
export interface KillPoint {
  syscall: string;
  nth: number;
}

const CALL = /^(\d+)\s+(\w+)\(/;

/** How often a single thread made each call, at most. */
export function countCalls(log: string): Map<string, number> {
  const byThread = new Map<string, number>();
  const most = new Map<string, number>();
  for (const line of log.split("\n")) {
    const [, thread, syscall] = CALL.exec(line) ?? [];
    if (thread === undefined || syscall === undefined) continue;
    const key = `${thread} ${syscall}`;
    const count = (byThread.get(key) ?? 0) + 1;
    byThread.set(key, count);
    most.set(syscall, Math.max(most.get(syscall) ?? 0, count));
  }
  return most;
}

/**
 * How often the command's first thread made each call before it first spoke of `place`: the work of loader and runtime, not ours.
 * None of one that never does.
 */
export function countStartup(log: string, place: string): Map<string, number> {
  const calls = new Map<string, number>();
  let first: string | undefined;
  for (const line of log.split("\n")) {
    const [, thread, syscall = ""] = CALL.exec(line) ?? [];
    first ??= thread;
    if (thread !== first) continue;
    if (line.includes(place)) return calls;
    calls.set(syscall, (calls.get(syscall) ?? 0) + 1);
  }
  return new Map();
}

/** How the command itself, the first of all processes, ended; null: not yet. */
export function endOfFirst(log: string): { code: number | null; signal: string | null } | null {
  const first = /^\d+/.exec(log)?.[0];
  const end = new RegExp(String.raw`^${first}\s+\+\+\+ (?:exited with (\d+)|killed by (\w+).*) \+\+\+$`, "m").exec(log);
  if (end === null) return null;
  const [, code, signal = null] = end;
  return { code: code === undefined ? null : Number(code), signal };
}

/**
 * So many different points. The kind of call is drawn first: drawn from all calls, nearly every point would be one of the
 * thousand writes of an unpacked layer.
 */
export function choosePoints(
  calls: Map<string, number>,
  wanted: number,
  seed: number,
  startup: Map<string, number> = new Map(),
): KillPoint[] {
  const random = new Random(seed);
  const left = new Map<string, number[]>();
  for (const syscall of [...calls.keys()].sort()) {
    const numbers = numbersAfter(startup.get(syscall) ?? 0, calls.get(syscall) ?? 0);
    if (numbers.length > 0) left.set(syscall, numbers);
  }
  const points: KillPoint[] = [];
  while (points.length < wanted && left.size > 0) {
    const syscall = [...left.keys()][random.below(left.size)] ?? "";
    const numbers = left.get(syscall) ?? [];
    points.push({ syscall, nth: random.take(numbers) });
    if (numbers.length === 0) left.delete(syscall);
  }
  return points;
}

function numbersAfter(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index + 1);
}
