// `--device HOST[:CONTAINER][:rwm]`, in docker's grammar and words.

import { BunkerError } from "../errors.ts";

/** A device of the host's, or a directory of them, and where it is to be inside. */
export interface DeviceRequest {
  source: string;
  target: string;
}

const MODE = /^(?!.*(.).*\1)[rwm]{1,3}$/;
/** podman's and docker's name of a device by a vendor's file (CDI). */
const BY_VENDOR = /^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*=[\w.:-]+$/;
const MAX_PARTS = 3;

/** @throws BunkerError usage in docker's words, or unsupported */
export function parseDeviceFlag(text: string): DeviceRequest {
  if (BY_VENDOR.test(text)) throw new BunkerError("unsupported", `device "${text}": CDI devices are not supported yet`);
  const parts = text.split(":");
  const [source = "", second, third] = parts;
  if (source === "" || parts.length > MAX_PARTS) throw new BunkerError("usage", `bad format for path: ${text}`);
  const isModeAlone = third === undefined && second !== undefined && MODE.test(second);
  if (third !== undefined && !MODE.test(third)) throw new BunkerError("usage", `bad mode specified: ${third}`);
  const target = second === undefined || isModeAlone ? source : second;
  if (!target.startsWith("/")) throw new BunkerError("usage", `${target} is not an absolute path`);
  ensureWhole(isModeAlone ? second : third);
  return { source, target };
}

/** Nodes cannot be made in any container, so that m has no say; r or w alone would need a filter that only root can set. */
function ensureWhole(mode: string | undefined): void {
  if (mode === undefined || (mode.includes("r") && mode.includes("w"))) return;
  throw new BunkerError("unsupported", `device mode "${mode}" cannot be had without root`, {
    hint: "A container may do with a device what the user may: leave the mode out, or write rwm.",
  });
}
