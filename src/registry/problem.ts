// What an HTTP status means for a pull, in docker's words, with what the registry says about it made harmless.

import { BunkerError } from "../errors.ts";
import { isJsonObject, parseJsonObject } from "../image/index.ts";
import { MAX_ERROR_BYTES } from "./body.ts";
import { REPORT_HINT, TransientError } from "./failure.ts";
import { parseRetryAfter } from "./retry.ts";
import { printable } from "./text.ts";

/** What was asked for, for messages. */
export interface Subject {
  kind: "manifest" | "blob";
  /** The registry as the user calls it: `docker.io`. */
  domain: string;
  /** The short name: `alpine`. */
  repository: string;
  /** `alpine:3.20`, or `sha256:… of alpine`. */
  shown: string;
}

/** An error as a registry or token server tells it. */
export interface Problem {
  /** The specification's code (`NAME_UNKNOWN`), or "". */
  code: string;
  /** Made printable, or "". */
  message: string;
}

const NO_PROBLEM: Problem = { code: "", message: "" };
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** The distribution specification's `errors`, or OAuth2's and docker hub's own forms. */
export function parseProblem(bytes: Uint8Array): Problem {
  if (bytes.byteLength === 0) return NO_PROBLEM;
  try {
    const document = parseJsonObject(bytes, "error", MAX_ERROR_BYTES);
    const errors = document["errors"];
    const first: unknown = Array.isArray(errors) ? errors[0] : document;
    if (!isJsonObject(first)) return NO_PROBLEM;
    const text = (name: string): string => (typeof first[name] === "string" ? printable(first[name]) : "");
    const code = text("code").toUpperCase();
    const message = text("message") || text("details") || text("error_description") || text("error");
    return { code: CODE.test(code) ? code : "", message };
  } catch {
    return NO_PROBLEM;
  }
}

/** As docker prints it: `manifest unknown: manifest unknown`. */
export function describeProblem({ code, message }: Problem): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return [words, message].filter((part) => part !== "").join(": ");
}

function withDetail(message: string, problem: Problem, fallback = ""): string {
  const detail = describeProblem(problem) || fallback;
  return detail === "" ? message : `${message}: ${detail}`;
}

/** docker's one message for "not there" and "not for you", which registries do not tell apart. */
export function accessDenied(subject: Subject, detail: string): BunkerError {
  const message = `pull access denied for ${subject.repository}, repository does not exist or may require 'docker login'`;
  return new BunkerError("unauthorized", detail === "" ? message : `${message}: ${detail}`, {
    hint: `Check the name; for a private repository, log in to ${subject.domain} first.`,
  });
}

function notFound(subject: Subject, problem: Problem): BunkerError {
  if (problem.code === "NAME_UNKNOWN") {
    return new BunkerError("not-found", withDetail(`repository ${subject.repository} not found`, problem), {
      hint: "Check the name.",
    });
  }
  if (subject.kind === "manifest") {
    const message = withDetail(`manifest for ${subject.shown} not found`, problem, "manifest unknown");
    return new BunkerError("not-found", message, { hint: "Check the name and the tag." });
  }
  return new BunkerError("not-found", withDetail(`blob ${subject.shown} not found`, problem, "blob unknown"), {
    hint: "The registry's copy of this image is incomplete: it must be pushed again.",
  });
}

function tooManyRequests(domain: string, problem: Problem, retryAfterMs: number | null): BunkerError {
  const said = problem.message === "" ? "the registry limits how often you may ask" : problem.message;
  const wait = retryAfterMs === null ? "" : ` (it asks to wait ${Math.ceil(retryAfterMs / 1000)} s)`;
  return new TransientError("registry", `toomanyrequests: ${said}${wait}`, {
    hint: `Wait and try again; logging in to ${domain} often raises the limit.`,
    retryAfterMs,
  });
}

export interface RefusingAnswer {
  status: number;
  headers: Headers;
  url: URL;
  /** It came from a host that the registry sent us to. */
  isForeign: boolean;
}

/** The error for an answer that is not the one hoped for. */
export function statusFailure(answer: RefusingAnswer, problem: Problem, subject: Subject): BunkerError {
  const { status, url } = answer;
  const host = JSON.stringify(url.host);
  if (answer.isForeign && status >= 400 && status < 500 && status !== 429) {
    // A signed URL lives for minutes: the registry gives a new one when asked again.
    const message = withDetail(
      `host ${host}, where the registry sent us for ${subject.shown}, answered with status ${status}`,
      problem,
    );
    return new TransientError("registry", message, { hint: REPORT_HINT });
  }
  if (status === 401 || status === 403) return accessDenied(subject, describeProblem(problem));
  if (status === 404) return notFound(subject, problem);
  const retryAfterMs = parseRetryAfter(answer.headers.get("retry-after"), Date.now());
  if (status === 429) return tooManyRequests(subject.domain, problem, retryAfterMs);
  const message = withDetail(
    `registry ${host} answered with status ${status} to a request for ${subject.shown}`,
    problem,
  );
  const passing = status === 408 || status === 500 || (status >= 502 && status <= 504);
  if (passing) return new TransientError("registry", message, { hint: "Try again later.", retryAfterMs });
  return new BunkerError("registry", message, { hint: REPORT_HINT });
}
