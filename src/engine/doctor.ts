// What is wrong with this host, as the user is told: all of it for `bunker doctor`, the one cause for a start that was refused.

import { BunkerError } from "../errors.ts";
import { type Finding, findAll, firstProblem } from "../host/index.ts";
import type { Engine } from "./engine.ts";
import { isRealRoot } from "./host.ts";
import { readHostReport } from "./host-report.ts";
import { findOutStorage } from "./copy-root.ts";
import { storageChoice } from "./storage.ts";

/** Every check's finding. */
export async function examineHost(engine: Engine): Promise<Finding[]> {
  const report = readHostReport(engine);
  if (report.userNamespaces.failure !== null || isRealRoot(engine.host().uid)) return findAll(report);
  await findOutStorage(engine);
  return findAll({ ...report, storage: storageChoice(engine) });
}

/** A refusal of the host's with its cause and what mends it, if a check finds them. */
export function explainRefusal(engine: Engine, error: BunkerError): BunkerError {
  const problem = firstProblem(readHostReport(engine));
  if (problem === null) return error;
  const [fix] = problem.fix;
  const first = fix === undefined ? "" : `As root: \`${fix}\`. `;
  const evidence = problem.evidence === null ? "" : ` (${problem.evidence})`;
  return new BunkerError(error.code, `${error.message}: ${problem.check}: ${problem.cause}${evidence}`, {
    hint: `${first}\`bunker doctor\` shows every check.`,
    cause: error,
  });
}
