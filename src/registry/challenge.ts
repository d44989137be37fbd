// The WWW-Authenticate header (RFC 9110 11.6.1): several challenges in one line, where a comma may part parameters or
// challenges. Pure; takes anything, believes nothing: what cannot be read ends the list.

export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  scheme: string;
  /** Names in lower case. */
  parameters: Map<string, string>;
}

/** Far more than any registry sends. */
const MAX_LENGTH = 16 * 1024;
const MAX_CHALLENGES = 16;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** RFC 9110 asks for a token; some registries leave the quotes around URLs out. */
const BARE_VALUE = /[^\s",]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const SPACES = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
/** RFC 9110 11.2: what Negotiate and others have in place of parameters. */
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;

class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  /** The match at the present place, passed over; null when there is none. */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match !== null) this.at = pattern.lastIndex;
    return match;
  }

  /** Runs `parse` and goes back to where it began when it finds nothing. */
  attempt<T>(parse: () => T | null): T | null {
    const start = this.at;
    const result = parse();
    if (result === null) this.at = start;
    return result;
  }
}

function parseParameter(scanner: Scanner): [name: string, value: string] | null {
  const name = scanner.take(TOKEN)?.[0];
  if (name === undefined || scanner.take(EQUALS) === null) return null;
  const quoted = scanner.take(QUOTED)?.[1]?.replace(/\\(.)/gs, "$1");
  const value = quoted ?? scanner.take(BARE_VALUE)?.[0];
  return value === undefined ? null : [name.toLowerCase(), value];
}

function parseChallenge(scanner: Scanner): Challenge | null {
  const scheme = scanner.take(TOKEN)?.[0].toLowerCase();
  if (scheme === undefined) return null;
  const parameters = new Map<string, string>();
  scanner.take(SPACES);
  if (scanner.take(TOKEN68) !== null) return { scheme, parameters };
  for (;;) {
    const parameter = scanner.attempt(() => {
      scanner.take(SEPARATORS);
      return parseParameter(scanner);
    });
    if (parameter === null) return { scheme, parameters };
    const [name, value] = parameter;
    // A second value would be another meaning for another reader.
    if (!parameters.has(name)) parameters.set(name, value);
  }
}

/** All challenges of a header; `null` is a missing header. */
export function parseChallenges(header: string | null): Challenge[] {
  const scanner = new Scanner((header ?? "").slice(0, MAX_LENGTH));
  const challenges: Challenge[] = [];
  while (challenges.length < MAX_CHALLENGES) {
    const separator = scanner.take(SEPARATORS)?.[0] ?? "";
    if (challenges.length > 0 && !separator.includes(",")) break;
    const challenge = parseChallenge(scanner);
    if (challenge === null) break;
    challenges.push(challenge);
  }
  return challenges;
}
