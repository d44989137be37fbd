// The log: on standard error, from the level asked for on, nothing lost, nothing that steers a terminal.

import { describe, expect, test } from "bun:test";
import { parseLogLevel } from "../../src/log.ts";

const LOG = new URL("../../src/log.ts", import.meta.url).pathname;

/** What a program writes to standard error. */
function run(script: string): string {
  const source = `import { flushLog, log, setLogLevel } from ${JSON.stringify(LOG)};\n${script}\nawait flushLog();`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", source]);
  expect(stdout.toString()).toBe("");
  return stderr.toString().replaceAll(/^\S+Z /gm, "");
}

describe("a line is written", () => {
  test.each([
    [`log.debug("a"); log.info("b"); log.warn("c"); log.error("d");`, "warn c\nerror d\n"],
    [`setLogLevel("debug"); log.debug("a"); log.info("b");`, "debug a\ninfo b\n"],
    [`setLogLevel("fatal"); log.error("a");`, ""],
    [`log.warn("a"); await flushLog(); log.warn("b");`, "warn a\nwarn b\n"],
    [`log.warn("x\\u001b[31m\\n\\u009b");`, "warn x\\x1b[31m\\x0a\\x9b\n"],
  ])("%s", (script, expected) => {
    expect(run(script)).toBe(expected);
  });
});

test("without a line consola is not loaded", () => {
  const script = `log.debug("a"); console.error(Object.keys(require.cache).filter((path) => path.includes("consola")).length);`;
  expect(run(script)).toBe("0\n");
});

test("a level is one of docker's words", () => {
  expect(parseLogLevel("DEBUG")).toBe("debug");
  expect(() => parseLogLevel("loud")).toThrow("unable to parse logging level: loud");
});
