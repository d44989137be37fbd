// A bug that is planted to see a test fail: what other engines' vulnerabilities would look like in our source (security.md §2). Data,
// but for the helpers that shorten it.

/** A text that stands in a file exactly once, and what it becomes. */
export interface Edit {
  file: string;
  is: string;
  becomes: string;
}

export interface Bug {
  /** The row of security.md. */
  row: string;
  /** What is wrong then. */
  about: string;
  edits: Edit[];
  /** The test that must fail: a file in test/e2e, and what its name contains. */
  caughtBy: { file: string; name: string };
}

/** A row that has nothing to plant a bug in, and why. */
export type Exempt = Readonly<Record<string, string>>;

const SANDBOX = "crates/runtime/src/sandbox";

export const inSandbox = (file: string, is: string, becomes: string): Edit => ({
  file: `${SANDBOX}/${file}`,
  is,
  becomes,
});
