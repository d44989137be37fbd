// bunker doctor: what this host lacks for containers, why, and the command that mends it.

import type { Finding } from "../../host/index.ts";
import { withEngine } from "../engine.ts";
import { print, printable, warn } from "../output.ts";
import { defineVerb } from "../verb.ts";

const ROOT = 0;
/** The widest level and the widest check's name. */
const LEVEL_WIDTH = 9;
const CHECK_WIDTH = 26;

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    fix: { kind: "boolean", help: "Print the commands that mend what was found; as root, run them" },
    json: { kind: "boolean", help: "Print the findings in JSON format" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["doctor", "doctor --json", "doctor --fix"],
  async run({ values, globals }) {
    const { loadDoctorForCaller } = await import("../../engine/index.ts");
    const { examineForCaller } = await loadDoctorForCaller();
    const places = [...word("root", globals.root), ...word("runroot", globals.runroot)];
    const findings =
      examineForCaller(places, { mends: values.fix }) ??
      (await withEngine(globals, async (engine, calls) => (await calls.loadDoctor()).examineHost(engine)));
    if (values.json) print(`${JSON.stringify(findings, null, 2)}\n`);
    else if (values.fix) return fix(findings, process.getuid?.() === ROOT);
    else print(findings.map(render).join("") + summary(findings));
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
});

function word(name: string, value: string | null): string[] {
  return value === null ? [] : [`--${name}=${value}`];
}

function render({ level, check, cause, evidence, fix: commands }: Finding): string {
  const indent = " ".repeat(LEVEL_WIDTH);
  const lines = [`${level.padEnd(LEVEL_WIDTH)}${check.padEnd(CHECK_WIDTH)}${cause}`];
  if (evidence !== null) lines.push(`${indent}seen: ${evidence}`);
  for (const command of commands) lines.push(`${indent}as root: ${command}`);
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function summary(findings: Finding[]): string {
  const count = (wanted: Finding["level"]): number => findings.filter(({ level }) => level === wanted).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  if (problems > 0) return `\nContainers will not start: ${problems} of these must be mended.\n`;
  if (warnings > 0) return `\nContainers start; ${warnings} of these could be better.\n`;
  return "\nEverything a container could want is there.\n";
}

/** @returns 1 when one of the commands failed */
function fix(findings: Finding[], isRoot: boolean): number {
  let exitCode = 0;
  for (const command of findings.flatMap((finding) => finding.fix)) {
    print(`${command}\n`);
    if (!isRoot) continue;
    const { exitCode: code, stderr } = Bun.spawnSync(["sh", "-c", command], { stdout: "ignore" });
    if (code === 0) continue;
    exitCode = 1;
    warn(`bunker: ${command}: ${printable(stderr.toString().trim())}\n`);
  }
  return exitCode;
}
