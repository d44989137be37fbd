// What `-v`, `--mount` and `--tmpfs` mean: text → mount requests, in docker's grammar and words; and where `cp` copies to. Pure: the
// current directory comes in.

export { type CopyPath, type DestinationKind, parseCopyPath, type Placing, planCopy, type SourceKind } from "./copy.ts";
export { type DeviceRequest, parseDeviceFlag } from "./device-flag.ts";
export { parseBytes } from "./size.ts";
export { parseMountFlag } from "./mount-flag.ts";
export type { MountRequest } from "./mount-request.ts";
export { ensureDistinctTargets, isVolumeName, refuseVolumeName } from "./target.ts";
export { parseTmpfsFlag } from "./tmpfs-flag.ts";
export { parseVolumeFlag } from "./volume-flag.ts";
export { parseVolumesFrom, type VolumesFrom } from "./volumes-from.ts";
