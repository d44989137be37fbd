// Tests that need programs of the system: where one is missing they are skipped and say why, and fail when
// BUNKER_TEST_MUST_RUN=1 (continuous integration), so that nothing is skipped unnoticed.

import { describe, test } from "bun:test";

/** The programs of these that are not here. */
export function missingPrograms(names: readonly string[]): string[] {
  return names.filter((name) => Bun.which(name) === null);
}

/** `describe`, for tests that need programs: `describeWith(["skopeo"], "pushed by skopeo", () => …)`. */
export function describeWith(programs: readonly string[], name: string, body: () => void): void {
  const missing = missingPrograms(programs);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `${name}: needs ${missing.join(", ")}`;
  if (process.env["BUNKER_TEST_MUST_RUN"] !== "1") {
    test.skip(reason, () => {});
    return;
  }
  test(reason, () => {
    throw new Error(`programs are missing: ${missing.join(", ")}`);
  });
}

/** Runs a program to its end and gives its standard output; throws with what it complained of. */
export async function runProgram(
  command: string[],
  options: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", ...options });
  const [output, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit status ${code}: ${complaint.trim()}`);
  return output;
}
