// The terminal side of run, start -a, attach and exec: which descriptors the keeper gets, raw mode, window size, signals.
// The bytes themselves go between the keeper and the descriptors; they never come by here.

import { fstatSync } from "node:fs";
import type { SessionControl, SessionEnd, StreamOptions } from "../engine/index.ts";
import { closeFd, enterRawMode, isTerminal, leaveRawMode, pumpTerminal, windowSize } from "../native/index.ts";
import { flush, OutputError, printable, warn } from "./output.ts";
import { UsageError } from "./usage.ts";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/**
 * What docker's --sig-proxy hands on. Not the stops (TSTP, TTIN, TTOU): they are for the shell that started us;
 * not WINCH, which becomes a resize; CHLD, PIPE and URG are our own.
 */
const PROXIED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM", "SIGCONT"] as const;
/** What ends us where nothing is handed on. */
const FATAL = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;
/** docker's client gives up too at the third Ctrl-C that the container does not care about. */
const PATIENCE = 3;

export interface SessionOptions {
  /** Which streams are attached. */
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** The process has a pseudo terminal. */
  tty: boolean;
  detachKeys: string;
  sigProxy: boolean;
  /** Called once the process runs. */
  onStarted?: () => void;
}

/** docker's rule. @throws UsageError */
export function ensureTerminal(options: { stdin: boolean; tty: boolean }): void {
  if (!options.stdin || !options.tty || isTerminal(STDIN)) return;
  throw new UsageError("the input device is not a TTY", { hint: "Leave out -t where the input is no terminal." });
}

export class Session {
  /** For the engine. The descriptors are filled in by `begin`. */
  readonly streams: StreamOptions;
  readonly #options: SessionOptions;
  readonly #handlers: [signal: NodeJS.Signals, handler: () => void][] = [];
  #raw: number | null = null;
  #pump: number | null = null;
  #interrupts = 0;
  #control: SessionControl | null = null;
  /** Signals that came before the process could be told. */
  readonly #early: NodeJS.Signals[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.streams = {
      stdin: null,
      stdout: null,
      stderr: null,
      detachKeys: options.detachKeys,
      sigProxy: options.sigProxy,
      onStarting: () => this.#catchSignals(),
      onReady: (control) => this.#ready(control),
    };
  }

  /** Takes the terminal. From here on `end` must be called, whatever happens. */
  begin(): void {
    const { streams } = this;
    const { stdin, stdout, stderr, tty } = this.#options;
    if (stdin) streams.stdin = this.#openInput(tty);
    if (stdout) streams.stdout = STDOUT;
    // With a terminal there is one stream for both.
    if (stderr && !tty) streams.stderr = STDERR;
    const size = tty ? terminalSize() : null;
    if (size === null) return;
    streams.rows = size.rows;
    streams.columns = size.columns;
  }

  /** A terminal is read by us: the keeper, not in its foreground, could not; a pipe or file is handed over as it is. */
  #openInput(tty: boolean): number {
    if (!isTerminal(STDIN)) return STDIN;
    if (tty) this.#raw = enterRawMode(STDIN);
    this.#pump = pumpTerminal(STDIN);
    return this.#pump;
  }

  #catchSignals(): void {
    if (this.#options.sigProxy) for (const signal of PROXIED) this.#on(signal, () => this.#proxy(signal));
    else if (this.#raw !== null) for (const signal of FATAL) this.#on(signal, () => this.#die(signal));
  }

  #ready(control: SessionControl): void {
    this.#closePump();
    this.#control = control;
    for (const signal of this.#early.splice(0)) control.signal(signal);
    if (this.#options.tty) this.#followTerminal(control);
    this.#options.onStarted?.();
  }

  #followTerminal(control: SessionControl): void {
    const resize = (): void => {
      const size = terminalSize();
      if (size !== null) control.resize(size.rows, size.columns);
    };
    resize();
    this.#on("SIGWINCH", resize);
    // Back in the foreground: the shell has set the terminal as it likes it.
    this.#on("SIGCONT", () => {
      if (this.#raw !== null) {
        leaveRawMode(this.#raw);
        this.#raw = enterRawMode(STDIN);
      }
      resize();
    });
  }

  #proxy(signal: NodeJS.Signals): void {
    if (this.#control === null) this.#early.push(signal);
    else this.#control.signal(signal);
    if (signal !== "SIGINT" && signal !== "SIGTERM") return;
    this.#interrupts++;
    if (this.#interrupts < PATIENCE) return;
    warn(`got ${PATIENCE} SIGTERM/SIGINTs, forcefully exiting\n`);
    this.#die(signal);
  }

  /** Gives the terminal back, then dies of the signal as if it had never been caught. */
  #die(signal: NodeJS.Signals): void {
    this.end();
    const die = (): void => void process.kill(process.pid, signal);
    flush().then(die, die);
  }

  #on(signal: NodeJS.Signals, handler: () => void): void {
    process.on(signal, handler);
    this.#handlers.push([signal, handler]);
  }

  /** Our copy goes once the keeper has its own: when the keeper closes that, the pump ends. */
  #closePump(): void {
    if (this.#pump !== null) closeFd(this.#pump);
    this.#pump = null;
  }

  /** Gives the terminal back. A second time does nothing. */
  end(): void {
    for (const [signal, handler] of this.#handlers.splice(0)) process.off(signal, handler);
    this.#closePump();
    if (this.#raw !== null) leaveRawMode(this.#raw);
    this.#raw = null;
  }

  /** A line for the person in front of the terminal, raw or not. */
  tell(line: string): void {
    warn(`${printable(line)}${this.#raw === null ? "" : "\r"}\n`);
  }

  /** @returns the exit code. @throws OutputError when nobody reads us any more; the process runs on then, as docker's does */
  finish(end: SessionEnd): number {
    this.end();
    if (end.kind === "exited") return end.code;
    if (end.kind === "outputClosed") throw OutputError.unwritable(hasReader());
    warn("read escape sequence\n");
    return 0;
  }
}

/** Whether standard output is what somebody else reads, and may stop reading; else it is a file or a device. */
function hasReader(): boolean {
  const found = fstatSync(STDOUT);
  return found.isFIFO() || found.isSocket() || isTerminal(STDOUT);
}

/** Of the terminal people look at; `null`: there is none. */
function terminalSize(): { rows: number; columns: number } | null {
  const fd = [STDOUT, STDIN, STDERR].find((candidate) => isTerminal(candidate));
  return fd === undefined ? null : windowSize(fd);
}
