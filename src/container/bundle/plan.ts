// An OCI bundle's config.json → SandboxSpec, and what the runtime does besides: hooks, the group. Pure. The config is the caller's own
// word, the root file system is not: nothing here looks into it.

import type { SandboxSpec } from "../sandbox-spec.ts";
import { SPEC_VERSION } from "../sandbox-spec.ts";
import { Field } from "./field.ts";
import { type Hooks, planHooks } from "./hook.ts";
import { planBundleDevices, planBundleMounts } from "./mount.ts";
import { planSpaces } from "./space.ts";
import { planBundleProcess } from "./process.ts";
import { type GroupValue, planResources } from "./resource.ts";
import { planSeccomp } from "./seccomp.ts";
import { type Caller, planBundleUser } from "./user.ts";

export interface BundlePlace {
  id: string;
  /** Absolute. */
  bundle: string;
  /** Absolute: the directory of the container's state. */
  state: string;
}

export interface BundleHost extends Caller {
  /** Node's word for it: `x64`, `arm64`. */
  machine: string;
  /** We are in a container ourselves. */
  nested: boolean;
}

export interface PlannedBundle {
  ociVersion: string;
  annotations: Record<string, string>;
  spec: SandboxSpec;
  hooks: Hooks;
  /** `null`: the container stays where its caller is. */
  cgroupsPath: string | null;
  limits: GroupValue[];
}

/** Which versions of the specification we know: what 1.x adds, a reader of 1.0 may ignore. */
const VERSION = /^1\.\d+\.\d+(?:[-+].*)?$/;
const PROPAGATION = ["", "private", "rprivate", "slave", "rslave", "shared", "rshared"];

/** What only containers of our own engine have. */
const NOTHING_OF_OURS = {
  version: SPEC_VERSION,
  generation: 1,
  files: [],
  joins: [],
  procOptions: [],
  sysWritable: false,
  shmSize: 0,
  log: { kind: "none" },
  cgroup: null,
  dispensable: [],
  autoRemove: false,
  timeout: null,
  account: null,
  hostUsers: [],
} satisfies Partial<SandboxSpec>;

/** @throws BunkerError by the field's name */
export function planBundle(config: unknown, place: BundlePlace, host: BundleHost): PlannedBundle {
  const top = new Field("", config);
  const version = top.at("ociVersion");
  const ociVersion = version.needed(version.text());
  if (!VERSION.test(ociVersion)) throw version.refused(`"${ociVersion}" is not supported`);
  top.ensureNone("solaris", "windows", "vm", "zos", "freebsd");
  const linux = top.at("linux");
  linux.ensureNone("mountLabel", "intelRdt", "personality", "timeOffsets", "netDevices", "memoryPolicy");
  const spaces = planSpaces(linux.at("namespaces"));
  const { userNamespace, groupsFixed } = planBundleUser(linux, spaces.user, host);
  const seccomp = planSeccomp(linux.at("seccomp"), host.machine);
  const mounts = planBundleMounts(top.at("mounts"), place.bundle);
  ensureDevices(top.at("mounts"), mounts);
  const sysctls = linux.at("sysctl").textMap();
  if (
    Object.keys(sysctls).length > 0 &&
    !mounts.some((mount) => mount.kind === "filesystem" && mount.fstype === "proc")
  ) {
    throw linux.at("sysctl").refused("needs a mount of type proc");
  }
  const hostname = top.at("hostname");
  if ((hostname.asks || top.at("domainname").asks) && !spaces.namespaces.uts) {
    throw hostname.refused("needs a UTS namespace of its own");
  }
  return {
    ociVersion,
    annotations: top.at("annotations").textMap(),
    hooks: planHooks(top.at("hooks")),
    cgroupsPath: linux.at("cgroupsPath").text() ?? null,
    limits: planResources(linux.at("resources")),
    spec: {
      ...NOTHING_OF_OURS,
      id: place.id,
      containerDir: `${place.state}/root`,
      runtimeDir: place.state,
      userRuntimeDir: place.state,
      userNamespace,
      root: planRoot(top, place.bundle),
      mounts: [...mounts, ...planBundleDevices(linux.at("devices"))],
      process: planBundleProcess(top.at("process"), { groupsFixed, seccomp }),
      namespaces: spaces.namespaces,
      network: { kind: spaces.network },
      hostname: hostname.text() || null,
      domainname: top.at("domainname").text() || null,
      sysctls,
      maskedPaths: linux.at("maskedPaths").texts(),
      readonlyPaths: linux.at("readonlyPaths").texts(),
      nested: host.nested,
      bundle: { joins: spaces.joins },
    },
  };
}

function planRoot(top: Field, bundle: string): SandboxSpec["root"] {
  const path = top.at("root").at("path");
  const place = path.needed(path.text());
  const propagation = top.at("linux").at("rootfsPropagation");
  const word = propagation.text() ?? "";
  if (!PROPAGATION.includes(word)) throw propagation.refused(`"${word}" is not supported`);
  return {
    kind: "directory",
    path: place.startsWith("/") ? place : `${bundle}/${place}`,
    readonly: top.at("root").at("readonly").flag(),
    propagation: word,
  };
}

/** The devices that every container is to have are made in a new /dev; one that is bound has them. */
function ensureDevices(field: Field, mounts: SandboxSpec["mounts"]): void {
  const devices = mounts.findLast((mount) => mount.target === "/dev");
  if (
    devices !== undefined &&
    (devices.kind === "bind" || (devices.kind === "filesystem" && devices.fstype === "tmpfs"))
  )
    return;
  throw field.refused("without a tmpfs at /dev are not supported");
}
