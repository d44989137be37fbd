// `--ulimit NAME=SOFT[:HARD]`.

import type { UlimitRequest } from "../container/index.ts";
import { parseDecimal, ScanError } from "./strconv.ts";

const NAMES = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" "),
);
const UNLIMITED = -1;

/** As a flag's parser. @throws ScanError in docker's words */
export function parseUlimit(text: string): UlimitRequest {
  const equals = text.indexOf("=");
  if (equals < 0) throw new ScanError(`invalid ulimit argument: ${text}`);
  const name = text.slice(0, equals);
  if (!NAMES.has(name)) throw new ScanError(`invalid ulimit type: ${name}`);
  const limits = text.slice(equals + 1);
  const parts = limits.split(":");
  if (parts.length > 2) {
    throw new ScanError(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  }
  const soft = parseDecimal(parts[0] ?? "");
  const hard = parts[1] === undefined ? soft : parseDecimal(parts[1]);
  if (hard !== UNLIMITED && soft === UNLIMITED) {
    throw new ScanError(
      `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`,
    );
  }
  if (hard !== UNLIMITED && soft > hard) {
    throw new ScanError(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { name, soft, hard };
}
