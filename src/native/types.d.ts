// Generated from crates/napi by scripts/build.ts: never edited by hand, renewed by `npm run fix`.

/** `null` if somebody holds it. */
export declare function acquireLock(path: string): Outcome<number | undefined | null>;

export declare function addToCounter(counter: number, amount: number): Outcome<undefined>;

/** A connected pair of channels in this process. */
export declare function channelPair(): Outcome<Array<number>>;

export declare function closeFd(fd: number): Outcome<undefined>;

/** `null` when nobody listens on `directory`/ctl. */
export declare function connectControl(directory: string): Outcome<number | undefined | null>;

/** Returns a handle for `leave_raw_mode`. */
export declare function enterRawMode(fd: number): Outcome<number>;

/** Ends this process at once: nothing is flushed, nothing is closed but by the kernel. */
export declare function exitNow(code: number): void;

export declare function isLocked(path: string): Outcome<boolean>;

export declare function isTerminal(fd: number): boolean;

/** Puts the terminal back; a second time does nothing. */
export declare function leaveRawMode(handle: number): Outcome<undefined>;

/** Becomes this very program anew, in a user namespace of root's subordinate ids. Comes back only if it failed. */
export declare function leaveRoot(request: RootRequest): Outcome<undefined>;

/** Tells a worker how much more of a growing file there is. */
export declare function makeCounter(): Outcome<number>;

/** Both ends of a pipe: reading, writing. */
export declare function makePipe(): Outcome<Array<number>>;

export declare function makeTree(base: string, entries: Array<TreeEntry>): Outcome<undefined>;

/** The same four fields as a failure that comes from the keeper. */
export interface NativeFailure {
  code: string;
  message: string;
  call?: string;
  errno?: number;
}

/** `flags` are open(2)'s; O_CLOEXEC is added, what is made gets mode 0600. */
export declare function openFd(path: string, flags: number): Outcome<number>;

/** The reading end of a pipe into which a thread copies the terminal's input. */
export declare function pumpTerminal(fd: number): Outcome<number>;

/** One frame: its JSON text and the descriptors that came with it. */
export interface Received {
  text: string;
  fds: Array<number>;
}

/** Waits on a thread of its own: Bun's pool has as many threads as processors, two waiting calls would stall all its I/O. */
export declare function receiveMessage(channel: number): Promise<Received | null | Refusal>;

export declare function receiveMessageSync(channel: number): Outcome<Received | undefined | null>;

/** What a call returns instead of its value. */
export interface Refusal {
  failure: NativeFailure;
}

export interface RootRequest {
  /** Ours alone; used only where the host forbids executing memfds. */
  libraryDirectory: string;
  /** Root's subordinate ids: the first uid and how many, the first gid and how many. */
  ranges: Array<number>;
  /** Of the program that is running now, which is started anew there. */
  arguments: Array<string>;
  /** `KEY=VALUE`. */
  environment: Array<string>;
  /** What root alone may read, to go along in memory. */
  settings: Array<TreeEntry>;
  /** Variables that name places there: each a name and the rest of the path. */
  places: Array<Array<string>>;
  /** What HOME is where there is no such memory. */
  home: string;
}

export declare function sendMessage(channel: number, text: string, fds: Array<number>): Outcome<undefined>;

/** A share: any number may have one while nobody holds the lock whole. */
export declare function shareLock(path: string): Outcome<number>;

/** False when the process of this number is not (or no longer) the one that started at `start_time` (clock ticks after boot). */
export declare function signalProcess(pid: number, startTime: number, signal: number): Outcome<boolean>;

/** A worker that waits for an OCI bundle. */
export declare function spawnBundler(request: SpawnRequest): Outcome<Spawned>;

export interface Spawned {
  pid: number;
  /** Our end of the channel; the program has its own as descriptor 3. */
  channel: number;
}

/** A keeper that waits for its container. */
export declare function spawnKeeper(request: SpawnRequest): Outcome<Spawned>;

export interface SpawnRequest {
  /** Ours alone; used only where the host forbids executing memfds. */
  libraryDirectory: string;
  /** Soft RLIMIT_NOFILE of the program; as ours when left out. */
  openFiles?: number;
  /** Processes that may run the same program: its memory is then shared with theirs. */
  peers: Array<number>;
}

/** A worker that waits for its job. */
export declare function spawnWorker(request: SpawnRequest): Outcome<Spawned>;

export declare function syncDirectory(path: string): Outcome<undefined>;

export declare function syncFilesystem(path: string): Outcome<undefined>;

/** A file when it has content, else a directory. */
export interface TreeEntry {
  path: string;
  mode: number;
  content?: string;
}

export declare function waitLock(path: string): Promise<number | Refusal>;

export declare function windowSize(fd: number): Outcome<WindowSize>;

export interface WindowSize {
  rows: number;
  columns: number;
}
