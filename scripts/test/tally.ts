// Reads how many tests passed, failed and were skipped out of what the two test runners leave. No effects.

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** cargo test prints one such line per crate and kind of test; doc tests look the same. */
const CARGO_RESULT = /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm;

export function tallyOfCargo(output: string): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(CARGO_RESULT)) {
    tally.passed += Number(passed);
    tally.failed += Number(failed);
    tally.skipped += Number(ignored);
  }
  return tally;
}

/** The opening <testsuites> element of a JUnit report sums up all that is in it. */
export function tallyOfReport(xml: string): Tally {
  const [opening] = /<testsuites\b[^>]*>/.exec(xml) ?? [];
  if (opening === undefined) throw new Error("the test report has no <testsuites>");
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(opening)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  return { passed: count("tests") - failed - skipped, failed, skipped };
}

/** The names of the report's failed tests, as the report escapes them. */
export function failuresOfReport(xml: string): string[] {
  const failed = /<testcase\b([^>]*[^/])>\s*<(?:failure|error)\b/g;
  return Array.from(xml.matchAll(failed), ([, attributes = ""]) => {
    const value = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
    return `${value("file")}: ${value("classname")} > ${value("name")}`;
  });
}
