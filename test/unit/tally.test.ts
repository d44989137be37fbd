// What the last line of `npm test` counts.

import { expect, test } from "bun:test";

import { failuresOfReport, tallyOfCargo, tallyOfReport } from "../../scripts/test/tally.ts";

test("cargo's results are summed over all crates", () => {
  const output = `
running 2 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
`;
  expect(tallyOfCargo(output)).toEqual({ passed: 5, failed: 4, skipped: 1 });
});

test("a report counts tests with failures, errors and skips among them", () => {
  const xml =
    '<?xml version="1.0"?>\n<testsuites name="bun test" tests="10" failures="2" errors="1" skipped="3" time="1">\n';
  expect(tallyOfReport(xml)).toEqual({ passed: 4, failed: 3, skipped: 3 });
});

test("no report is an error, not zero tests", () => {
  expect(() => tallyOfReport("")).toThrow("no <testsuites>");
});

test("failed tests are named", () => {
  const xml = `<testsuites tests="3"><testsuite name="a.test.ts">
    <testcase name="well" classname="a &gt; b" file="a.test.ts" line="1" />
    <testcase name="wrong" classname="a &gt; b" file="a.test.ts" line="2">
      <failure type="AssertionError" message="no">text</failure>
    </testcase>
    <testcase name="left out" classname="" file="a.test.ts" line="3"><skipped /></testcase>
  </testsuite></testsuites>`;
  expect(failuresOfReport(xml)).toEqual(["a.test.ts: a &gt; b > wrong"]);
});
