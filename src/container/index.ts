// The container module's public face: model, decisions, no effects.

export { ALL_CAPABILITIES, parseCapability, planCapabilities } from "./capability.ts";
export { DEFAULT_SHM_SIZE, EVERYTHING, MASKED_PATHS, planConfinement, planSystemPaths } from "./isolation.ts";
export {
  countIds,
  findFreeRange,
  type IdRange,
  type ParsedLine,
  parseMapLine,
  planAuto,
  planLines,
  planNomap,
  RANGE_STEP,
  sortLines,
} from "./id-map.ts";
export { imagePlace } from "./mount-plan.ts";
export { generateName } from "./name.ts";
export {
  type Borrowed,
  type ContainerConfig,
  type ImageBase,
  type ResolvedProcess,
  resolveConfig,
  type VolumeUse,
} from "./config.ts";
export {
  type ContainerPaths,
  type HostFacts,
  planExec,
  planGroup,
  planSandbox,
  planUserNamespace,
  type StartOptions,
} from "./plan.ts";
export { planEnvironment } from "./environment.ts";
export { KEEP_GROUPS } from "./request.ts";
export type {
  ConfinementSettings,
  CreateRequest,
  EnvironmentSettings,
  NameSettings,
  NetworkUse,
  ExecRequest,
  PullPolicy,
  RootfsRequest,
  UlimitRequest,
} from "./request.ts";
export type {
  AttachmentSpec,
  BridgeSpec,
  ExecSpec,
  IdMapping,
  JoinSpec,
  NetworkSpec,
  PrefixSpec,
  HelperSpec,
  SandboxSpec,
  UserNamespaceSpec,
  WayOutSpec,
} from "./sandbox-spec.ts";
export { ensureOwnSysctls, isNamespacedSysctl } from "./sysctl.ts";
export { HOST_GATEWAY } from "./own-files.ts";
export { type HelperPlan, planHelper, planSharedHelper } from "./network-program.ts";
export { donorsOf, hasPaths, isOnBridge, type SpaceKind, spaceOf, withSpaces, withWords } from "./spaces.ts";
export { parseSignal } from "./signal.ts";
export {
  type ContainerStatus,
  type ExitRecord,
  hasRun,
  judge,
  type KeeperState,
  unseenEnd,
  type Verdict,
  type Witnesses,
} from "./state.ts";
export { isWish, type MapLine, type UsernsRequest, type UsernsWish } from "./userns.ts";
export { inheritMounts } from "./volumes-from.ts";

export type { BundleHost, BundlePlace, GroupValue, Hook, Hooks, PlannedBundle } from "./bundle/index.ts";

/** What only `bunker runtime` needs. */
export function loadBundles(): Promise<typeof import("./bundle/index.ts")> {
  return import("./bundle/index.ts");
}
