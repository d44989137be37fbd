// What a host offers containers, and what is wrong with it. Pure.

export { type FailedCall, limitOf, refusalOf } from "./causes.ts";
export { findAll, firstProblem } from "./findings.ts";
export type { Finding, HostReport, Level, Mapper, Packager } from "./report.ts";
