// Signal names and numbers (signal(7), x86-64 and arm64 alike).

import { BunkerError } from "../errors.ts";

const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU " +
  "XFSZ VTALRM PROF WINCH IO PWR SYS";
const NUMBERS = new Map(NAMES.split(" ").map((name, index) => [name, index + 1]));
const REAL_TIME_MIN = 34;
const REAL_TIME_MAX = 64;

/** `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3` → its number. @throws BunkerError usage in docker's words */
export function parseSignal(word: string): number {
  const invalid = new BunkerError("usage", `invalid signal: ${word}`, {
    hint: "signal(7) lists the names; write them with or without SIG, or as a number from 1 to 64.",
  });
  if (/^[0-9]{1,3}$/.test(word)) {
    const number = Number(word);
    if (number < 1 || number > REAL_TIME_MAX) throw invalid;
    return number;
  }
  const name = word.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RTM(IN|AX)(?:([+-])([0-9]{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const base = realTime[1] === "IN" ? REAL_TIME_MIN : REAL_TIME_MAX;
    const number = base + Number(`${realTime[2] ?? "+"}${realTime[3] ?? "0"}`);
    if (number < REAL_TIME_MIN || number > REAL_TIME_MAX) throw invalid;
    return number;
  }
  const number = NUMBERS.get(name);
  if (number === undefined) throw invalid;
  return number;
}
