// The kernel, as far as a short-lived command touches it itself: plain data in and out, every failure a BunkerError.

import { BunkerError } from "../errors.ts";
import { addon, libraryDirectory } from "./binding.ts";
import { unwrap } from "./call.ts";
import type { RootRequest, SpawnRequest, TreeEntry, WindowSize } from "./types.d.ts";

export { useLibraryDirectory } from "./binding.ts";
export { failedCall, failureToError } from "./call.ts";
export type { TreeEntry, WindowSize } from "./types.d.ts";

/** One frame of a keeper's channel. */
export interface Received {
  message: Record<string, unknown>;
  fds: number[];
}

/** Takes an OFD lock without waiting: its descriptor, or `null` if somebody holds it. The file is made when missing. */
export function acquireLock(path: string): number | null {
  return unwrap(addon().acquireLock(path)) ?? null;
}

/** Takes an OFD lock, waiting for its holder to let go or die. */
export async function waitLock(path: string): Promise<number> {
  return unwrap(await onThread(() => addon().waitLock(path)));
}

/** Takes a share of an OFD lock, which any number may have; waits while somebody holds it whole. */
export function shareLock(path: string): number {
  return unwrap(addon().shareLock(path));
}

/** Sends a signal to the process that started then, if it is still there. */
export function signalProcess(target: { pid: number; startTime: number }, signal: number): boolean {
  return unwrap(addon().signalProcess(target.pid, target.startTime, signal));
}

/** Whether somebody holds the lock or a share; a missing file is not locked. */
export function isLocked(path: string): boolean {
  return unwrap(addon().isLocked(path));
}

export function closeFd(fd: number): void {
  unwrap(addon().closeFd(fd));
}

/** Makes directories (no `content`) and files below `base`, in order; what is there already keeps its content or is replaced. */
export function makeTree(base: string, entries: TreeEntry[]): void {
  unwrap(addon().makeTree(base, entries));
}

/** syncfs(2) of the filesystem that `path` lies on. */
export function syncFilesystem(path: string): void {
  unwrap(addon().syncFilesystem(path));
}

/** fsync(2) of a directory: the names in it are durable. */
export function syncDirectory(path: string): void {
  unwrap(addon().syncDirectory(path));
}

/** See crates/napi: this process becomes the engine of root's subordinate ids. @throws BunkerError when it cannot */
export function leaveRoot(request: Omit<RootRequest, "libraryDirectory">): void {
  unwrap(addon().leaveRoot({ ...request, libraryDirectory: libraryDirectory() }));
}

/** A pipe: where it is read, and where it is written. */
export function makePipe(): [reading: number, writing: number] {
  return unwrap(addon().makePipe()) as [number, number];
}

/** An eventfd, by which a worker learns how much of a growing file there is. */
export function makeCounter(): number {
  return unwrap(addon().makeCounter());
}

export function addToCounter(counter: number, amount: number): void {
  unwrap(addon().addToCounter(counter, amount));
}

/** A connection to the keeper that listens in a runtime directory, or `null`. */
export function connectControl(directory: string): number | null {
  return unwrap(addon().connectControl(directory)) ?? null;
}

/** Sends one JSON frame; the descriptors stay the caller's own. */
export function sendMessage(channel: number, message: object, fds: number[] = []): void {
  unwrap(addon().sendMessage(channel, JSON.stringify(message), fds));
}

/**
 * The next frame, or `null` at the end; waits on a thread of its own. `block`: where no thread can be had it waits here, for
 * those who have nothing else to do.
 */
export async function receiveMessage(
  channel: number,
  withoutThread: "fail" | "block" = "fail",
): Promise<Received | null> {
  const instead = withoutThread === "block" ? () => addon().receiveMessageSync(channel) : undefined;
  return parse(unwrap(await onThread(() => addon().receiveMessage(channel), instead)));
}

/** A call that waits on a thread of its own; `instead` of it, or an error, when there is no room for one more. */
async function onThread<T>(call: () => Promise<T>, instead?: () => T): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (instead !== undefined) return instead();
    throw new BunkerError("system", `starting a thread: ${(cause as Error).message}`, {
      hint: "The limit on processes (ulimit -u) or the memory may be used up.",
      cause,
    });
  }
}

/** As `receiveMessage`, blocking. */
export function receiveMessageSync(channel: number): Received | null {
  return parse(unwrap(addon().receiveMessageSync(channel)));
}

function parse(received: { text: string; fds: number[] } | null | undefined): Received | null {
  if (received === null || received === undefined) return null;
  return { message: JSON.parse(received.text) as Record<string, unknown>, fds: received.fds };
}

/** Few descriptors are ever needed, and a container's own limit is set apart: the keeper's poll need not be able to hold a million. */
const KEEPER_OPEN_FILES = 4096;

/**
 * Starts a keeper that waits for its container; the number is our end of its channel. `peers`: processes that may be keepers of the
 * same build, whose memory it can share.
 */
export function spawnKeeper(peers: number[]): number {
  return unwrap(addon().spawnKeeper(spawnRequest(peers))).channel;
}

/** Starts a worker that waits for its job. */
export function spawnWorker(): number {
  return unwrap(addon().spawnWorker(spawnRequest([]))).channel;
}

/** Starts a worker that waits for an OCI bundle; what it makes has the limits that we have. */
export function spawnBundler(): number {
  return unwrap(addon().spawnBundler(spawnRequest([]))).channel;
}

function spawnRequest(peers: number[]): SpawnRequest {
  return { libraryDirectory: libraryDirectory(), openFiles: KEEPER_OPEN_FILES, peers };
}

/**
 * Ends this process at once, once everything that was printed is written. An open database is left as a crash would leave it,
 * which costs nothing: closing it would write out and remove its log, with four syncs.
 */
export function exitNow(code: number): void {
  addon().exitNow(code);
}

export function isTerminal(fd: number): boolean {
  return addon().isTerminal(fd);
}

/** Rows and columns of a terminal. */
export function windowSize(fd: number): WindowSize {
  return unwrap(addon().windowSize(fd));
}

/** Sets a terminal to raw mode; the handle takes it back. */
export function enterRawMode(fd: number): number {
  return unwrap(addon().enterRawMode(fd));
}

export function leaveRawMode(handle: number): void {
  unwrap(addon().leaveRawMode(handle));
}

/** The reading end of a pipe into which a thread copies the terminal's input. */
export function pumpTerminal(fd: number): number {
  return unwrap(addon().pumpTerminal(fd));
}
