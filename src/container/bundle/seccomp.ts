// config.json's linux.seccomp → the profile form that our filter is made from: the same but for docker's conditions.

import type { SeccompSpec } from "../sandbox-spec.ts";
import type { Field } from "./field.ts";

/** By our names for machines: calls of any other are refused by the filter anyway. */
const NATIVE: Readonly<Record<string, string>> = { x64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" };
/** Of seccomp(2): what holds for a process with one thread, or is the default by now. */
const HARMLESS_FLAGS = ["SECCOMP_FILTER_FLAG_TSYNC"];

/** @throws BunkerError by the field's name */
export function planSeccomp(seccomp: Field, machine: string): SeccompSpec {
  if (!seccomp.isThere) return { kind: "unconfined" };
  seccomp.ensureNone("listenerPath", "listenerMetadata");
  for (const flag of seccomp.at("flags").list()) {
    if (!HARMLESS_FLAGS.includes(flag.text() ?? "")) throw flag.refused();
  }
  const architectures = seccomp.at("architectures");
  const native = NATIVE[machine] ?? "";
  if (architectures.asks && !architectures.texts().includes(native)) throw architectures.refused(`lacks ${native}`);
  const defaultErrno = seccomp.at("defaultErrnoRet").integer();
  return {
    kind: "profile",
    profile: {
      defaultAction: action(seccomp.at("defaultAction")),
      ...(defaultErrno === undefined ? {} : { defaultErrnoRet: defaultErrno }),
      syscalls: seccomp.at("syscalls").list().map(planRule),
    },
  };
}

function planRule(rule: Field): object {
  const errno = rule.at("errnoRet").integer();
  return {
    names: rule.at("names").texts(),
    action: action(rule.at("action")),
    ...(errno === undefined ? {} : { errnoRet: errno }),
    args: rule
      .at("args")
      .list()
      .map((argument) => {
        const [index, value, op] = [argument.at("index"), argument.at("value"), argument.at("op")];
        return {
          index: index.needed(index.integer()),
          value: value.needed(value.integer()),
          valueTwo: argument.at("valueTwo").integer() ?? 0,
          op: op.needed(op.text()),
        };
      }),
  };
}

function action(field: Field): string {
  const word = field.needed(field.text());
  if (word === "SCMP_ACT_NOTIFY") throw field.refused("SCMP_ACT_NOTIFY is not supported");
  return word;
}
