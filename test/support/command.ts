// One run of a program: its output, its end, its terminal. Knows nothing of the engine or of users.

const DRAIN_TIMEOUT_MS = 5_000;
/** So many looks without anything new, and a terminal is taken to have shown everything. */
const QUIET_POLLS = 4;
const POLL_MS = 5;

export interface CommandResult {
  /** null: ended by a signal. */
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** Byte for byte. */
  stdoutBytes: Uint8Array;
}

export interface SpawnOptions {
  /** All of its input. */
  stdin?: string | Uint8Array | ReadableStream<Uint8Array> | undefined;
  /** Standard input stays open for `write`, until `closeStdin`. */
  interactive?: boolean;
  timeoutMs: number;
}

/** Collects a stream while it runs. */
class Collector {
  readonly #chunks: Uint8Array[] = [];
  readonly done: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.done = this.#read(stream);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.#chunks.push(chunk);
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }
}

function inputOf({ stdin, interactive = false }: SpawnOptions): "pipe" | "ignore" | Blob | ReadableStream<Uint8Array> {
  if (interactive) return "pipe";
  if (stdin === undefined) return "ignore";
  if (stdin instanceof ReadableStream) return stdin;
  return new Blob([typeof stdin === "string" ? stdin : Buffer.from(stdin)]);
}

/** A program under way, started with pipes. */
export class Running {
  readonly #child: Bun.Subprocess<"pipe" | "ignore" | Blob | ReadableStream, "pipe", "pipe">;
  readonly #stdout: Collector;
  readonly #stderr: Collector;
  readonly #command: string;
  readonly #timer: ReturnType<typeof setTimeout>;
  #timedOut = false;

  constructor(argv: string[], name: string, options: SpawnOptions) {
    this.#command = name;
    this.#child = Bun.spawn(argv, {
      stdin: inputOf(options),
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env["PATH"] ?? "" },
    });
    this.#stdout = new Collector(this.#child.stdout);
    this.#stderr = new Collector(this.#child.stderr);
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#child.kill("SIGKILL");
    }, options.timeoutMs);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  async write(text: string | Uint8Array): Promise<void> {
    const { stdin } = this.#child;
    if (stdin === undefined || typeof stdin === "number") throw new Error(`${this.#command}: started without a pipe`);
    await stdin.write(text);
    await stdin.flush();
  }

  async closeStdin(): Promise<void> {
    const { stdin } = this.#child;
    if (stdin !== undefined && typeof stdin !== "number") await stdin.end();
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** Waits until standard output (or what `read` gives) matches. */
  async waitFor(
    pattern: RegExp,
    read: (running: Running) => string = ({ stdout }) => stdout,
  ): Promise<RegExpExecArray> {
    for (;;) {
      const { ended } = this;
      if (ended) await this.#drained();
      const match = pattern.exec(read(this));
      if (match !== null) return match;
      if (ended) throw new Error(`${this.#command}: ended before it printed ${String(pattern)}\n${this.#transcript()}`);
      await Bun.sleep(POLL_MS);
    }
  }

  /** @throws when it took too long, or when something it left behind still holds its output */
  async result(): Promise<CommandResult> {
    await this.#child.exited;
    clearTimeout(this.#timer);
    if (this.#timedOut) throw new Error(`${this.#command}: timed out\n${this.#transcript()}`);
    await this.#drained();
    const { exitCode, signalCode } = this.#child;
    return {
      code: signalCode === null ? exitCode : null,
      signal: nameOf(signalCode),
      stdout: this.stdout,
      stderr: this.stderr,
      stdoutBytes: this.#stdout.bytes,
    };
  }

  async #drained(): Promise<void> {
    const late = Symbol("late");
    const timeout = new Promise<typeof late>((resolve) => setTimeout(resolve, DRAIN_TIMEOUT_MS, late).unref());
    const end = await Promise.race([Promise.all([this.#stdout.done, this.#stderr.done]), timeout]);
    if (end !== late) return;
    throw new Error(`${this.#command}: ended, but something still holds its output\n${this.#transcript()}`);
  }

  #transcript(): string {
    return `--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`;
  }
}

/** Bun gives the number where a signal has no name. */
function nameOf(signal: NodeJS.Signals | number | null): string | null {
  return signal === null ? null : String(signal);
}

/** A program on a terminal of its own. */
export class TerminalSession {
  readonly #terminal: Bun.Terminal;
  readonly #child: Bun.Subprocess;
  readonly #command: string;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #decoder = new TextDecoder();
  /** Everything shown so far, echo and escape sequences included. */
  output = "";

  constructor(argv: string[], name: string, size: { columns: number; rows: number; timeoutMs: number }) {
    this.#command = name;
    this.#terminal = new Bun.Terminal({
      cols: size.columns,
      rows: size.rows,
      data: (_terminal, bytes) => {
        this.output += this.#decoder.decode(bytes, { stream: true });
      },
    });
    // Bun gives a terminal, not a controlling one: without that there is no Ctrl-C, no Ctrl-Z and no word of a resize.
    this.#child = Bun.spawn(["setsid", "--ctty", "--wait", ...argv], {
      terminal: this.#terminal,
      env: { PATH: process.env["PATH"] ?? "" },
    });
    this.#timer = setTimeout(() => this.#child.kill("SIGKILL"), size.timeoutMs);
  }

  get pid(): number {
    return this.#child.pid;
  }

  type(keys: string): void {
    this.#terminal.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** Waits until the output from `from` on matches; returns where the match ends. */
  async waitFor(pattern: RegExp, from = 0): Promise<number> {
    for (;;) {
      const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
      const match = pattern.exec(this.output.slice(from));
      if (match !== null) return from + match.index + match[0].length;
      if (ended) throw new Error(`${this.#command}: ended before it showed ${String(pattern)}\n${this.output}`);
      await Bun.sleep(POLL_MS);
    }
  }

  async exited(): Promise<{ code: number | null; signal: string | null }> {
    await this.#child.exited;
    clearTimeout(this.#timer);
    await this.#drained();
    this.#terminal.close();
    const { exitCode, signalCode } = this.#child;
    return { code: signalCode === null ? exitCode : null, signal: nameOf(signalCode) };
  }

  /** What the program wrote last may still be on its way; a terminal has no end that we would be told of. */
  async #drained(): Promise<void> {
    for (let quiet = 0, length = -1; quiet < QUIET_POLLS; quiet += 1) {
      if (length !== this.output.length) quiet = 0;
      ({ length } = this.output);
      await Bun.sleep(POLL_MS);
    }
  }
}
