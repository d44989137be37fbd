// Which hosts may be spoken to, and how: for whom TLS is optional, and where a registry may send us (redirects, token
// servers). Pure policy: contacts nobody. security.md V70 (credentials and requests sent where a registry says), V71
// (falling back to plain HTTP).

import { BunkerError } from "../errors.ts";
import { isInRange, isLinkLocal, isLoopback, isThisMachine, parseAddress } from "./address.ts";
import { REPORT_HINT } from "./failure.ts";
import { printable } from "./text.ts";
import type { RegistrySettings } from "./settings.ts";

/** Signed URLs of object stores reach a few KiB. */
const MAX_URL_LENGTH = 16 * 1024;

function isListed(url: URL, entries: readonly string[]): boolean {
  const address = parseAddress(url.hostname);
  const port = url.port === "" ? (url.protocol === "http:" ? "80" : "443") : url.port;
  const names = [url.host, `${url.hostname}:${port}`];
  return entries.some((entry) => {
    const text = entry.trim().toLowerCase();
    return names.includes(text) || (address !== null && isInRange(address, text));
  });
}

export class Trust {
  private readonly registry: URL;

  /** `host` is the registry's, with its port if it was given one. */
  constructor(
    readonly host: string,
    private readonly settings: Pick<RegistrySettings, "tlsVerify" | "insecureRegistries">,
  ) {
    this.registry = new URL(`https://${host}/`);
  }

  /** Whether a host needs no valid certificate and may be spoken to without TLS: loopback, and what the user said so of. */
  isInsecure(url: URL): boolean {
    if (this.settings.tlsVerify !== null) return !this.settings.tlsVerify;
    return isLoopback(url.hostname) || isListed(url, this.settings.insecureRegistries);
  }

  /**
   * Reads a URL that the registry sent us to, and refuses what no honest registry needs: other protocols, credentials in
   * it, link-local addresses, this machine, and plain HTTP. `what` opens the message, as in `registry "host" redirects`.
   */
  parseTarget(text: string, base: URL | null, what: string): URL {
    const refuse = (reason: string, hint = REPORT_HINT): BunkerError =>
      new BunkerError("registry", `${what} to ${JSON.stringify(printable(text))}, which is refused: ${reason}`, {
        hint,
      });
    if (text.length > MAX_URL_LENGTH || !URL.canParse(text, base?.href)) throw refuse("not a valid URL");
    const url = new URL(text, base?.href);
    if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("not an http or https URL");
    if (url.username !== "" || url.password !== "") throw refuse("it carries a name or password");
    this.ensureAddress(url, url.hostname, refuse);
    if (url.protocol === "http:" && !this.mayUseHttp(url)) {
      throw refuse(
        "plain HTTP is not secure",
        `If you trust that network, add "${url.host}" to the insecure registries.`,
      );
    }
    url.hash = "";
    return url;
  }

  /** The address rules alone, for an address that a name was found to have. */
  ensureAddress(url: URL, address: string, refuse: (reason: string) => BunkerError): void {
    if (url.hostname === this.registry.hostname) return;
    if (isLinkLocal(address)) throw refuse("it is a link-local address");
    if (isThisMachine(address) && !this.isLocalRegistry()) throw refuse("it is this machine");
  }

  /** Whether it is the registry itself, and not one that it sends us to. */
  isRegistry(url: URL): boolean {
    return url.host === this.registry.host;
  }

  private isLocalRegistry(): boolean {
    return isLoopback(this.registry.hostname) || this.isLenient();
  }

  private mayUseHttp(url: URL): boolean {
    return this.settings.tlsVerify !== true && (this.isLenient() || this.isInsecure(url));
  }

  /** The user has given up the guarantees of TLS for this registry, and so for what it points to. */
  private isLenient(): boolean {
    if (this.settings.tlsVerify !== null) return !this.settings.tlsVerify;
    return isListed(this.registry, this.settings.insecureRegistries);
  }
}
