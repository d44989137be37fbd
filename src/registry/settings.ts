// What the user decides about registries, and the limits of our patience. Plain data: reads nothing, decides nothing.

/** A name and password, or the token that a registry gave in their place at login. */
export interface Credentials {
  username: string;
  password: string;
  /** An OAuth2 refresh token; it goes to the token server only. */
  identityToken?: string;
  /** A bearer token that goes to the registry as it is. */
  registryToken?: string;
}

export interface RegistrySettings {
  /** The user's home directory; null: there is none, and nothing below it is looked for. */
  home: string | null;
  environment: Record<string, string | undefined>;
  /** `true` demands a valid certificate even of insecure registries, `false` demands none of anybody, `null` is the default. */
  tlsVerify: boolean | null;
  /** `--authfile`: the only file that is looked into. */
  authFile: string | null;
  /** `--creds`: no file is looked into at all. */
  credentials?: Credentials | null;
  /** `--cert-dir`: in the place of the registry's own directories; other hosts are checked against its authorities too. */
  certDir?: string | null;
  /**
   * `host`, `host:port`, or a range in CIDR form for hosts that are written as addresses (names are not resolved for it): no
   * certificate check, and plain HTTP where there is no TLS.
   */
  insecureRegistries: string[];
  /** How long a connection may bring nothing (default 60 s). */
  timeoutMs?: number;
  /** The pause before the first retry (default 500 ms); each further one is about twice as long. */
  retryDelayMs?: number;
  /** How often something is tried again (default 3). */
  retries?: number;
  /** The pause before each retry, instead of growing ones. */
  fixedDelayMs?: number;
}

/** A minute of silence is a dead connection; shorter ones happen on mobile networks and busy registries. */
export const DEFAULT_TIMEOUT_MS = 60_000;
/** Three retries then span a registry's restart of a few seconds. */
export const DEFAULT_RETRY_DELAY_MS = 500;

export function timeoutOf(settings: RegistrySettings): number {
  return settings.timeoutMs ?? DEFAULT_TIMEOUT_MS;
}
