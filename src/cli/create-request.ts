// Flags of run and create → the typed request. Reads the files that flags name; asks the engine nothing.

import { type CreateRequest, KEEP_GROUPS, parseSignal, planCapabilities } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { isImageId, parseReference } from "../image/index.ts";
import type { CreateValues } from "./create-flags.ts";
import { collectEnvironment, collectSettings, type HostEnvironment, parseLabelWord } from "./environment.ts";
import { parseContainerName } from "./container-name.ts";
import { findHostUser } from "./host-user.ts";
import { collectMounts } from "./mounts.ts";
import { collectNames } from "./name-flags.ts";
import { collectNetwork } from "./network-flags.ts";
import { collectProcess } from "./process-flags.ts";
import { PORT_WORD } from "./port-text.ts";
import { parsePullPolicy, parseWantedPlatform } from "./pull-flags.ts";
import { parseRootfs } from "./rootfs-word.ts";
import { parseSecurityOptions } from "./security-option.ts";
import { collectStart, scratchMounts } from "./start-flags.ts";
import { collectSpaces } from "./space-flags.ts";

/** The kernel's limit (uname(2)). It is written into files inside, so nothing but a name. */
const HOST_NAME = /^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,62}[a-zA-Z0-9_])?$/;
const LAST_PORT = 65_535;

/** @throws BunkerError in docker's words */
export function buildCreateRequest(
  values: CreateValues,
  words: readonly string[],
  environment: HostEnvironment,
): CreateRequest {
  const [source = "", ...command] = words;
  const rootfs = values.rootfs ? parseRootfs(source) : null;
  const image = rootfs === null ? source : "";
  if (rootfs === null && !isImageId(image)) parseReference(image);
  planCapabilities(values["cap-add"], values["cap-drop"]);
  if (values["stop-signal"] !== null) parseSignal(values["stop-signal"]);
  const security = parseSecurityOptions(values["security-opt"]);
  const network = collectNetwork(values);
  const mounts = collectMounts(values);
  return {
    image,
    command,
    name: parseContainerName(values.name),
    hostname: parseHostName("hostname", values.hostname),
    domainname: parseHostName("domain name", values.domainname),
    env: collectEnvironment(values["env-file"], values.env, environment),
    workdir: parseWorkdir(values.workdir),
    user: values.user === "" ? null : values.user,
    entrypoint: values.entrypoint === null ? null : parseEntrypoint(values.entrypoint),
    labels: Object.fromEntries([...readLabelFiles(values["label-file"]), ...values.label]),
    mounts: [...mounts, ...scratchMounts(values, mounts)],
    readOnly: values["read-only"],
    capAdd: values["cap-add"],
    capDrop: values["cap-drop"],
    ...security,
    ulimits: values.ulimit,
    ...network,
    init: values.init,
    stopSignal: values["stop-signal"],
    stopTimeout: values["stop-timeout"],
    tty: values.tty,
    openStdin: values.interactive,
    stdinOnce: values.interactive && !isDetached(values),
    autoRemove: values.rm,
    attach: isDetached(values) || values.attach.length > 0 ? values.attach : null,
    platform: parseWantedPlatform(values),
    pull: parsePullPolicy(values.pull ?? "missing", "pull option"),
    ...collectOptions(values, environment),
    ...collectSpaces(values),
    ...collectProcess(values, network.network),
    ...collectStart(values),
    ...(rootfs === null ? {} : { rootfs }),
  };
}

/** What is in a request only when it was asked for. */
function collectOptions(values: CreateValues, host: HostEnvironment): Partial<CreateRequest> {
  if (values.replace && (values.name ?? "") === "") {
    throw new BunkerError("usage", "cannot replace container without --name being set");
  }
  if (values["group-add"].includes(KEEP_GROUPS) && values["group-add"].length > 1) {
    throw new BunkerError(
      "usage",
      `the '--group-add ${KEEP_GROUPS}' option is not allowed with any other --group-add options`,
    );
  }
  const names = collectNames(values);
  const environment = collectSettings(values, host);
  const shmSize = values["shm-size"];
  return {
    ...(names === null ? {} : { names }),
    ...(environment === null ? {} : { environment }),
    ...(values["group-add"].length === 0 ? {} : { groupAdd: values["group-add"] }),
    // docker: 0 is the default.
    ...(shmSize === null || shmSize === 0 ? {} : { shmSize }),
    ...(values.annotation.length === 0 ? {} : { annotations: Object.fromEntries(values.annotation) }),
    ...(values.hostuser.length === 0 ? {} : { hostUsers: values.hostuser.map((word) => findHostUser(word)) }),
    ...(values.expose.length === 0 ? {} : { exposed: values.expose.flatMap(parseExposed) }),
  };
}

/** As files of variables, but nothing comes from the host: docker leaves bare names out. */
function readLabelFiles(files: readonly string[]): [string, string][] {
  return collectEnvironment(files, [], {}).map(parseLabelWord);
}

/** `80`, `80/udp` or `80-90/tcp` → one entry a port. @throws BunkerError in docker's words */
function parseExposed(text: string): string[] {
  const [, first = "", last = first, protocol = "tcp"] = PORT_WORD.exec(text.toLowerCase()) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === "" || from > to || to > LAST_PORT) {
    throw new BunkerError("usage", `invalid range format for --expose: ${text}`);
  }
  return Array.from({ length: to - from + 1 }, (_, at) => `${from + at}/${protocol}`);
}

/** Only run has -d; what create makes is attached to later. */
function isDetached(values: CreateValues & { detach?: boolean }): boolean {
  return values.detach ?? false;
}

function parseHostName(what: string, text: string | null): string | null {
  if (text === null || text === "") return null;
  if (HOST_NAME.test(text)) return text;
  throw new BunkerError("usage", `invalid ${what}: ${text}`, {
    hint: "It has at most 64 letters, digits, dashes and dots.",
  });
}

/** The working directory inside. @throws BunkerError usage in docker's words */
export function parseWorkdir(text: string | null): string | null {
  if (text === null || text === "") return null;
  if (text.startsWith("/")) return text;
  throw new BunkerError("usage", `the working directory '${text}' is invalid, it needs to be an absolute path`);
}

/** `--entrypoint ""` drops the image's. */
function parseEntrypoint(text: string): string[] {
  return text === "" ? [] : [text];
}
