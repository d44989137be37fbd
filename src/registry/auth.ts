// Answers a registry's challenges for one repository: anonymous first, a token where it asks for one, credentials only when
// it does. Keeps what it was granted, by scope, for as long as it is good; several requests wait for one token.

import { BunkerError } from "../errors.ts";
import type { RepositoryName } from "../image/index.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { findCredentials } from "./credentials.ts";
import { accessDenied, type Subject } from "./problem.ts";
import type { Credentials, RegistrySettings } from "./settings.ts";
import { isHeaderSafe } from "./text.ts";
import { basicAuthorization, type Grant, requestToken } from "./token.ts";
import type { Transport } from "./transport.ts";
import type { Trust } from "./trust.ts";

/** What one 401 said. */
export interface Refusal {
  /** Its WWW-Authenticate header. */
  challenge: string | null;
  /** What the refused request carried; null: nothing. */
  used: string | null;
  subject: Subject;
  /** The registry's own words. */
  detail: string;
}

export interface AuthContext {
  name: RepositoryName;
  settings: RegistrySettings;
  transport: Transport;
  trust: Trust;
}

const LOGIN_HINT = "Log in again, or remove the entry from the auth file.";
const MAX_SCOPES = 16;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/;

/** RFC 6749 3.3: words of visible ASCII parted by spaces. What is none is left out. */
function parseScopes(text: string | undefined): string[] {
  return (text ?? "")
    .split(" ")
    .filter((scope) => SCOPE.test(scope))
    .slice(0, MAX_SCOPES);
}

export class Authenticator {
  private readonly grants = new Map<string, Grant>();
  private readonly refreshing = new Map<string, Promise<void>>();
  private credentials: Promise<Credentials | null> | null = null;

  constructor(private readonly context: AuthContext) {}

  /** What requests for `scope` (`repository:library/alpine:pull`) carry now; null: nothing. */
  authorization(scope: string): string | null {
    const grant = this.grants.get(scope);
    return grant !== undefined && grant.expiresAt > performance.now() ? grant.authorization : null;
  }

  /** Gets what the challenge asks for, so that the request can be sent again. @throws BunkerError when it cannot be had */
  async respond(scope: string, refusal: Refusal): Promise<void> {
    // Another request has been granted something since this one was sent.
    const current = this.authorization(scope);
    if (current !== null && current !== refusal.used) return;
    let work = this.refreshing.get(scope);
    if (work === undefined) {
      work = this.obtain(scope, refusal).finally(() => this.refreshing.delete(scope));
      this.refreshing.set(scope, work);
    }
    await work;
  }

  private async obtain(scope: string, refusal: Refusal): Promise<void> {
    this.grants.delete(scope);
    const challenges = parseChallenges(refusal.challenge);
    const { host } = this.context.trust;
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    if (bearer === undefined && basic === undefined) {
      const offered = challenges.map(({ scheme }) => JSON.stringify(scheme.slice(0, 40))).join(", ");
      if (offered === "") throw accessDenied(refusal.subject, refusal.detail);
      throw new BunkerError(
        "unauthorized",
        `registry ${JSON.stringify(host)} asks for a kind of login we do not know: ${offered}`,
        {
          hint: "Ask whoever runs the registry for access with Basic or Bearer authentication.",
        },
      );
    }
    this.credentials ??= findCredentials(this.context.name, this.context.settings);
    const credentials = await this.credentials;
    const grant =
      bearer === undefined ? this.basicGrant(credentials, refusal) : await this.bearerGrant(bearer, scope, credentials);
    if (grant === null) throw accessDenied(refusal.subject, refusal.detail);
    this.grants.set(scope, grant);
  }

  private basicGrant(credentials: Credentials | null, refusal: Refusal): Grant {
    const { host } = this.context.trust;
    if (credentials === null || credentials.username === "")
      throw accessDenied(refusal.subject, "no basic auth credentials");
    const authorization = basicAuthorization(credentials);
    if (authorization === refusal.used) {
      throw new BunkerError(
        "unauthorized",
        `registry ${JSON.stringify(host)} refused the credentials: incorrect username or password`,
        {
          hint: LOGIN_HINT,
        },
      );
    }
    return { authorization, expiresAt: Number.POSITIVE_INFINITY };
  }

  private async bearerGrant(
    challenge: Challenge,
    scope: string,
    credentials: Credentials | null,
  ): Promise<Grant | null> {
    const { transport, trust } = this.context;
    if (credentials?.registryToken !== undefined) {
      if (!isHeaderSafe(credentials.registryToken)) {
        throw new BunkerError("unauthorized", `the token kept for ${JSON.stringify(trust.host)} is not one`, {
          hint: LOGIN_HINT,
        });
      }
      return { authorization: `Bearer ${credentials.registryToken}`, expiresAt: Number.POSITIVE_INFINITY };
    }
    const { parameters } = challenge;
    // Registries that serve one repository under several names ask for a scope of their own; else it is ours.
    const asked = parseScopes(parameters.get("scope"));
    return await requestToken(transport, trust, {
      realm: parameters.get("realm") ?? "",
      service: parameters.get("service") ?? null,
      scopes: asked.length > 0 ? asked : [scope],
      credentials,
    });
  }
}
