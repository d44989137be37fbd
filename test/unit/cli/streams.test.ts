// What several targets and logs write, on which stream, in which order.

import { describe, expect, test } from "bun:test";
import { parseTail } from "../../../src/cli/commands/logs.ts";

const SOURCE = new URL("../../../src/", import.meta.url).pathname;

function run(script: string): { stdout: string; stderr: string; exitCode: number } {
  const source = `
    import { LogWriter } from "${SOURCE}cli/log-writer.ts";
    import { flush, print, warn } from "${SOURCE}cli/output.ts";
    import { forEachTarget } from "${SOURCE}cli/targets.ts";
    import { BunkerError } from "${SOURCE}errors.ts";
    ${script}`;
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, "-e", source], {
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

describe("several targets", () => {
  const targets = (names: string[], options: object): ReturnType<typeof run> =>
    run(`
      const codes = { gone: "not-found", busy: "conflict" };
      const action = async (name) => {
        await Bun.sleep(name === "slow" ? 50 : 0);
        if (codes[name] !== undefined) throw new BunkerError(codes[name], \`no: \${name}\`);
        return \`\${name}\\n\`;
      };
      const code = await forEachTarget(${JSON.stringify(names)}, action, ${JSON.stringify(options)});
      await flush();
      process.exit(code);`);

  test.each([
    [["a", "b"], {}, "a\nb\n", "", 0],
    [["slow", "a"], {}, "slow\na\n", "", 0],
    [["a", "gone", "b"], {}, "a\nb\n", "bunker: no: gone\n", 1],
    [["gone", "busy"], {}, "", "bunker: no: gone\nbunker: no: busy\n", 1],
    [["gone", "a"], { tolerateMissing: true }, "a\n", "bunker: no: gone\n", 0],
    [["busy", "a"], { tolerateMissing: true }, "a\n", "bunker: no: busy\n", 1],
    [["", "a"], {}, "a\n", "bunker: container name cannot be empty\n", 1],
  ] as [string[], object, string, string, number][])("%j %j", (names, options, stdout, stderr, exitCode) => {
    expect(targets(names, options)).toEqual({ stdout, stderr, exitCode });
  });

  test("a bug in one of them is a bug", () => {
    expect(run(`await forEachTarget(["a"], async () => { throw new TypeError("oops"); });`).stderr).toContain(
      "TypeError: oops",
    );
  });
});

describe("log entries", () => {
  const entry = (stream: string, text: string, partial = false): string =>
    `writer.add({ stream: "${stream}", time: "T", bytes: new TextEncoder().encode(${JSON.stringify(text)}), partial: ${partial} });`;
  const logs = (timestamps: boolean, ...entries: string[]): ReturnType<typeof run> =>
    run(`const writer = new LogWriter({ timestamps: ${timestamps} });\n${entries.join("\n")}\nwriter.write();`);

  test("go to the stream they came from, bytes as they were", () => {
    expect(logs(false, entry("stdout", "a\u001b[31m\r"), entry("stderr", "b"), entry("stdout", "c"))).toEqual({
      stdout: "a\u001b[31m\r\nc\n",
      stderr: "b\n",
      exitCode: 0,
    });
  });

  test("of one line become one line, with one time", () => {
    expect(
      logs(true, entry("stdout", "a", true), entry("stderr", "x", true), entry("stdout", "b"), entry("stderr", "y")),
    ).toEqual({
      stdout: "T ab\n",
      stderr: "T xy\n",
      exitCode: 0,
    });
  });

  test("without a newline at the end get none", () => {
    expect(logs(false, entry("stdout", "prompt> ", true)).stdout).toBe("prompt> ");
  });

  test("of any number arrive whole", () => {
    const { stdout } = run(`
      const writer = new LogWriter({ timestamps: false });
      const bytes = new Uint8Array(999).fill(120);
      for (let index = 0; index < 5000; index++) writer.add({ stream: "stdout", time: "T", bytes, partial: false });
      writer.write();`);
    expect(stdout.length).toBe(5_000_000);
  });
});

test("what is printed keeps its order within a stream, and arrives whole", () => {
  const { stdout, stderr } = run(`
    for (let index = 0; index < 3; index++) { print(\`\${index}\\n\`); warn(\`\${index}\\n\`); }
    print("x".repeat(3_000_000));
    await flush();`);
  expect(stdout).toBe(`0\n1\n2\n${"x".repeat(3_000_000)}`);
  expect(stderr).toBe("0\n1\n2\n");
});

test.each([
  [null, null],
  ["", null],
  ["all", null],
  ["0", 0],
  ["20", 20],
  ["-1", null],
])("--tail %j is %p", (text, expected) => {
  expect(parseTail(text)).toBe(expected);
});
