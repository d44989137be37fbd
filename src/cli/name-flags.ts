// Flags that say what names mean inside a container: --add-host, --dns and their like, in docker's grammar. Pure.

import { HOST_GATEWAY, type NameSettings } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { ScanError } from "./strconv.ts";

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
/** Its letters; the URL parser knows its grammar. */
const IPV6 = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/;
const DOMAIN = /^[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_])?\.?$/;
const OPTION = /^[a-zA-Z0-9_:.-]+$/;
/** A word of a line of hosts(5). */
const HOST = /^[^\s\p{Cc}:=#;]+$/u;

/** `NAME:IP` or `NAME=IP`, as docker keeps it. @throws ScanError in docker's words */
export function parseExtraHost(word: string): string {
  const [, name = "", address = ""] = /^([^:=]*)[:=](.*)$/.exec(word) ?? [];
  if (!HOST.test(name) || address === "") throw new ScanError(`bad format for add-host: "${word}"`);
  if (address === HOST_GATEWAY) return `${name}:${HOST_GATEWAY}`;
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (!isAddress(bare)) throw new ScanError(`invalid IP address in add-host: "${address}"`);
  return `${name}:${bare}`;
}

/** @throws ScanError in docker's words */
export function parseNameServer(word: string): string {
  if (isAddress(word.trim())) return word.trim();
  throw new ScanError(`${word} is not an ip address`);
}

/** A domain, or `.` for none. @throws ScanError in docker's words */
export function parseSearchDomain(word: string): string {
  const domain = word.trim();
  if (domain === "." || DOMAIN.test(domain)) return domain;
  throw new ScanError(`${word} is not a valid domain`);
}

/** It becomes part of a line of resolv.conf(5). @throws ScanError */
export function parseResolverOption(word: string): string {
  if (OPTION.test(word)) return word;
  throw new ScanError(`${word} is not a valid resolver option`);
}

/** An absolute path, `none` or `image`. @throws ScanError */
export function parseHostsFile(word: string): string {
  if (word === "none" || word === "image" || word.startsWith("/")) return word;
  throw new ScanError(`"${word}" is neither an absolute path nor "none" or "image"`);
}

interface NameValues {
  "add-host": readonly string[];
  dns: readonly string[];
  "dns-search": readonly string[];
  "dns-option": readonly string[];
  "hosts-file": string | null;
  "no-hosts": boolean;
  "no-hostname": boolean;
}

/** `null`: nothing was said. @throws BunkerError in podman's words */
export function collectNames(values: NameValues): NameSettings | null {
  const hostsFile = values["hosts-file"];
  const names = {
    extraHosts: [...values["add-host"]],
    dns: [...values.dns],
    dnsSearch: [...values["dns-search"]],
    dnsOptions: [...values["dns-option"]],
    noHosts: values["no-hosts"],
    noHostname: values["no-hostname"],
    ...(hostsFile === null ? {} : { hostsFile }),
  };
  if (names.noHosts && names.extraHosts.length > 0) {
    throw new BunkerError("usage", "--no-hosts and --add-host cannot be set together");
  }
  if (names.noHosts && hostsFile !== null) {
    throw new BunkerError("usage", "--no-hosts and --hosts-file cannot be set together");
  }
  if (hostsFile !== null) return names;
  return Object.values(names).some((said) => said === true || (Array.isArray(said) && said.length > 0)) ? names : null;
}

function isAddress(text: string): boolean {
  return IPV4.test(text) || (IPV6.test(text) && URL.canParse(`http://[${text}]/`));
}
