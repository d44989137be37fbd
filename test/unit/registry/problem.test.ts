import { describe, expect, test } from "bun:test";
import { TransientError } from "../../../src/registry/failure.ts";
import { parseProblem, statusFailure, type Subject } from "../../../src/registry/problem.ts";

const encode = (document: unknown): Uint8Array =>
  new TextEncoder().encode(typeof document === "string" ? document : JSON.stringify(document));
const MANIFEST: Subject = { kind: "manifest", domain: "r.example:5000", repository: "team/app", shown: "team/app:1" };
const BLOB: Subject = {
  kind: "blob",
  domain: "r.example:5000",
  repository: "team/app",
  shown: "sha256:ab of team/app",
};

describe("parseProblem", () => {
  test.each<[what: string, document: unknown, code: string, message: string]>([
    ["the specification's form", { errors: [{ code: "NAME_UNKNOWN", message: "no" }] }, "NAME_UNKNOWN", "no"],
    [
      "only the first",
      {
        errors: [
          { code: "DENIED", message: "a" },
          { code: "X", message: "b" },
        ],
      },
      "DENIED",
      "a",
    ],
    ["docker hub's", { details: "incorrect username or password" }, "", "incorrect username or password"],
    ["OAuth2's", { error: "invalid_grant", error_description: "expired" }, "", "expired"],
    ["controls, made harmless", { errors: [{ code: "A", message: "\u001b[2Jx\n" }] }, "A", "\\u001b[2Jx\\u000a"],
    ["a code that is none", { errors: [{ code: "<b>", message: "m" }] }, "", "m"],
    ["HTML", "<html>", "", ""],
    ["nothing", "", "", ""],
    ["wrong types", { errors: [7] }, "", ""],
    ["more wrong types", { errors: [{ code: [], message: {} }] }, "", ""],
  ])("reads %s", (_what, document, code, message) => {
    expect(parseProblem(encode(document))).toEqual({ code, message });
  });

  test("cuts long messages", () => {
    expect(parseProblem(encode({ errors: [{ code: "A", message: "x".repeat(5000) }] })).message).toHaveLength(301);
  });
});

describe("statusFailure", () => {
  test.each<
    [
      status: number,
      code: string,
      subject: Subject,
      isForeign: boolean,
      error: string,
      message: string,
      transient: boolean,
    ]
  >([
    [
      401,
      "UNAUTHORIZED",
      MANIFEST,
      false,
      "unauthorized",
      "pull access denied for team/app, repository does not exist or may require 'docker login': unauthorized: m",
      false,
    ],
    [
      403,
      "DENIED",
      MANIFEST,
      false,
      "unauthorized",
      "pull access denied for team/app, repository does not exist or may require 'docker login': denied: m",
      false,
    ],
    [
      404,
      "MANIFEST_UNKNOWN",
      MANIFEST,
      false,
      "not-found",
      "manifest for team/app:1 not found: manifest unknown: m",
      false,
    ],
    [404, "NAME_UNKNOWN", MANIFEST, false, "not-found", "repository team/app not found: name unknown: m", false],
    [404, "BLOB_UNKNOWN", BLOB, false, "not-found", "blob sha256:ab of team/app not found: blob unknown: m", false],
    [429, "TOOMANYREQUESTS", MANIFEST, false, "registry", "toomanyrequests: m", true],
    [
      500,
      "",
      MANIFEST,
      false,
      "registry",
      'registry "r.example:5000" answered with status 500 to a request for team/app:1: m',
      true,
    ],
    [501, "", MANIFEST, false, "registry", "status 501", false],
    [503, "", BLOB, true, "registry", "status 503", true],
    [
      403,
      "",
      BLOB,
      true,
      "registry",
      "where the registry sent us for sha256:ab of team/app, answered with status 403",
      true,
    ],
    [418, "", MANIFEST, false, "registry", "status 418", false],
    [999, "", MANIFEST, false, "registry", "status 999", false],
    [0, "", MANIFEST, false, "registry", "status 0", false],
  ])("%p %s of %j (elsewhere: %p) is %s: %s", (status, code, subject, isForeign, error, message, transient) => {
    const answer = { status, headers: new Headers(), url: new URL("https://r.example:5000/v2/"), isForeign };
    const failure = statusFailure(answer, { code, message: "m" }, subject);
    expect(failure.code as string).toBe(error);
    expect(failure.message).toContain(message);
    expect(failure.hint).toBeString();
    expect(failure instanceof TransientError).toBe(transient);
  });

  test("passes on how long the registry asks to wait", () => {
    const url = new URL("https://r.example/");
    const answer = { status: 429, headers: new Headers({ "retry-after": "100" }), url, isForeign: false };
    const failure = statusFailure(answer, { code: "", message: "" }, MANIFEST) as TransientError;
    expect(failure.retryAfterMs).toBe(100_000);
    expect(failure.message).toContain("(it asks to wait 100 s)");
  });
});
