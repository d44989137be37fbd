// What is wrong with this host, as the user is told: all of it for `bunker doctor`, the one cause for a start that was refused.

import { BunkerError } from "../errors.ts";
import { type Finding, findAll, firstProblem, limitOf, refusalOf } from "../host/index.ts";
import { failedCall } from "../native/index.ts";
import type { Engine } from "./engine.ts";
import { LEFT_ROOT } from "./host.ts";
import { readHostReport } from "./host-report.ts";
import { findOutStorage } from "./copy-root.ts";
import { storageChoice } from "./storage.ts";

const EPERM = 1;
const EACCES = 13;

/** Every check's finding. */
export async function examineHost(engine: Engine): Promise<Finding[]> {
  const report = readHostReport(engine);
  if (report.userNamespaces.failure !== null) return findAll(report);
  await findOutStorage(engine, true);
  return findAll({ ...report, storage: storageChoice(engine) });
}

/**
 * A failed start with its cause and what mends it: a limit that was reached, else what a check of the host's finds, else what such a
 * refusal can mean. What has a hint of its own, and is no refusal, is left as it is.
 */
export function explainFailure(engine: Engine, error: BunkerError): BunkerError {
  const failed = failedCall(error);
  if (error.code === "bad-path") return explainForbidden(error, failed?.errno ?? 0);
  const call = failed === null ? null : { ...failed, uid: engine.host().uid };
  const limit = call === null ? null : limitOf(call);
  if (limit !== null) return explained(error, limit);
  if (error.code !== "host-refused" && error.hint !== undefined) return error;
  const problem = error.code === "host-refused" ? firstProblem(readHostReport(engine)) : null;
  if (problem !== null && (call === null || isNews(problem, error)))
    return explained(error, { ...problem, cause: `${problem.check}: ${problem.cause}`, hint: null });
  return call === null ? error : explained(error, refusalOf(call));
}

/** Root is told who it is here: the one who looked is not who typed. */
function explainForbidden(error: BunkerError, errno: number): BunkerError {
  const id = process.env[LEFT_ROOT] ?? "";
  if (!/^\d+$/.test(id) || (errno !== EPERM && errno !== EACCES)) return error;
  return new BunkerError(
    error.code,
    `${error.message}: root's containers are uid ${id} on the host, who may not go there`,
    {
      hint: `Open the path to it (chown ${id}, or chmod o+rx on each directory above), or use a volume.`,
      cause: error,
    },
  );
}

/** It says more than the failure itself. */
function isNews({ fix, evidence }: Finding, error: BunkerError): boolean {
  return fix.length > 0 || evidence === null || !error.message.includes(evidence);
}

function explained(
  error: BunkerError,
  { cause, evidence, fix, hint }: Omit<Finding, "check" | "level"> & { hint: string | null },
): BunkerError {
  // Of a failure that is its own evidence, once is enough.
  const seen = evidence === null || error.message.includes(evidence) ? "" : ` (${evidence})`;
  const [first] = fix;
  const steps = [hint, first === undefined ? null : `As root: \`${first}\`.`, "`bunker doctor` shows every check."];
  return new BunkerError(error.code, `${error.message}: ${cause}${seen}`, {
    hint: steps.filter((step) => step !== null).join(" "),
    cause: error,
  });
}
