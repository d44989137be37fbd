// Content digests as a branded string: nothing unparsed can be taken for one, so a digest is always safe as a file name.
// Content we keep is named by sha256 only; sha384 and sha512 are understood in references and headers.

import { BunkerError } from "../errors.ts";

declare const digestBrand: unique symbol;

/** `algorithm:hex`, checked: `sha256:` and 64 lower-case hex digits (or sha384 with 96, sha512 with 128). */
export type Digest = string & { readonly [digestBrand]: "Digest" };

export type DigestAlgorithm = "sha256" | "sha384" | "sha512";

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 };
const LOWER_HEX = /^[0-9a-f]+$/;

function isAlgorithm(name: string): name is DigestAlgorithm {
  return Object.hasOwn(HEX_LENGTH, name);
}

/** The reason why `text` is no digest, in docker's words, or null when it is one. */
function refusal(text: string): string | null {
  const colon = text.indexOf(":");
  if (colon <= 0 || colon === text.length - 1) return "invalid checksum digest format";
  const algorithm = text.slice(0, colon);
  if (!isAlgorithm(algorithm)) return "unsupported digest algorithm";
  const hex = text.slice(colon + 1);
  if (hex.length !== HEX_LENGTH[algorithm]) return "invalid checksum digest length";
  return LOWER_HEX.test(hex) ? null : "invalid checksum digest format";
}

/** Whether `text` is a digest in one of the known algorithms. */
export function isDigest(text: string): text is Digest {
  return refusal(text) === null;
}

/** Parses a digest; throws `invalid-reference` in docker's words. */
export function parseDigest(text: string): Digest {
  const reason = refusal(text);
  if (reason === null) return text as Digest;
  throw new BunkerError("invalid-reference", `${reason}: ${JSON.stringify(text.slice(0, 160))}`, {
    hint: "A digest looks like sha256: and 64 digits of 0-9 and a-f.",
  });
}

/** Parses the digest of content we would keep: sha256 only. Throws `invalid-image` naming `what`. */
export function parseContentDigest(text: unknown, what: string): Digest {
  if (typeof text !== "string") throw new BunkerError("invalid-image", `${what}: digest is missing`);
  const reason = refusal(text);
  const shown = JSON.stringify(text.slice(0, 160));
  if (reason !== null) throw new BunkerError("invalid-image", `${what}: ${reason}: ${shown}`);
  if (!text.startsWith("sha256:")) throw new BunkerError("unsupported", `${what}: digest ${shown} is not sha256`);
  return text as Digest;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(":")) as DigestAlgorithm;
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The digest of some bytes, in the algorithm asked for. */
export function computeDigest(bytes: Uint8Array | string, algorithm: DigestAlgorithm = "sha256"): Digest {
  return `${algorithm}:${new Bun.CryptoHasher(algorithm).update(bytes).digest("hex")}` as Digest;
}

/**
 * Chain ids of a stack of layers, bottom first: the first is its diff id, each further one hashes the one below and its
 * own diff id (image-spec, config.md, "Layer ChainID").
 */
export function computeChainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : computeDigest(`${below} ${diffId}`));
  }
  return chain;
}
