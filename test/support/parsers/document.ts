// Documents of registries, images and users, as bytes: JSON of all kinds, headers, files of variables.

import { parseEnvironmentFile } from "../../../src/cli/environment.ts";
import { parseImageConfig } from "../../../src/image/config.ts";
import { isDigest } from "../../../src/image/digest.ts";
import { parseManifestDocument } from "../../../src/image/manifest.ts";
import { parseAuthFile } from "../../../src/registry/auth-file.ts";
import { parseChallenges } from "../../../src/registry/challenge.ts";
import { parseProblem } from "../../../src/registry/problem.ts";
import { parseRetryAfter } from "../../../src/registry/retry.ts";
import { parseToken } from "../../../src/registry/token.ts";
import { ensure, parser } from "../parsers.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const OCI = "application/vnd.oci.image";
const CONFIG = {
  architecture: "amd64",
  os: "linux",
  created: "2026-01-02T03:04:05Z",
  config: {
    Env: ["PATH=/bin", "A"],
    Cmd: ["sh"],
    Entrypoint: null,
    User: "1:2",
    WorkingDir: "/w",
    StopSignal: "9",
    Volumes: { "/v": {}, "../x": {} },
    ExposedPorts: { "80/tcp": {}, "90-95": {} },
    Labels: { a: "b" },
    Healthcheck: { Test: ["CMD", "x"], Interval: 1, Retries: 3 },
  },
  rootfs: { type: "layers", diff_ids: [DIGEST] },
  history: [{ created: "x", created_by: "y", empty_layer: true }],
};
const LAYER = { mediaType: `${OCI}.layer.v1.tar+gzip`, digest: DIGEST, size: 10 };
const MANIFEST = {
  schemaVersion: 2,
  mediaType: `${OCI}.manifest.v1+json`,
  config: { mediaType: `${OCI}.config.v1+json`, digest: DIGEST, size: 2 },
  layers: [LAYER],
  annotations: { a: "b" },
};
const INDEX = {
  schemaVersion: 2,
  manifests: [
    { ...LAYER, mediaType: MANIFEST.mediaType, platform: { os: "linux", architecture: "arm", variant: "v7" } },
  ],
};
const HOST = { HOME: "/home/a", EMPTY: "" };

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export const PARSERS = [
  parser({
    name: "image config",
    parse: (text) => parseImageConfig(bytes(text), "it"),
    seeds: [JSON.stringify(CONFIG), "{}", '{"config":null,"rootfs":{"type":"layers","diff_ids":[]}}'],
    check({ env, volumes, diffIds }) {
      ensure(
        env.every((entry) => entry.indexOf("=") > 0 && !entry.includes("\0")),
        "variables, none of the host's",
      );
      ensure(
        volumes.every((path) => path.startsWith("/") && !path.includes("\0")),
        "volumes in the image",
      );
      ensure(diffIds.every(isDigest), "layers by digest");
    },
  }),
  parser({
    name: "manifest or index",
    parse: (text) => parseManifestDocument(bytes(text), "it"),
    seeds: [JSON.stringify(MANIFEST), JSON.stringify(INDEX), '{"schemaVersion":1}'],
    check(document) {
      const named = "layers" in document ? [document.config, ...document.layers] : document.manifests;
      ensure(
        named.every(({ digest, size }) => isDigest(digest) && size >= 0),
        "contents by digest and size",
      );
    },
  }),
  parser({
    name: "auth file",
    parse: (text) => parseAuthFile(bytes(text), "it"),
    seeds: ['{"auths":{"a.b:5000":{"auth":"YTpi"}},"credsStore":"x","credHelpers":{"y":"z"}}', '{"auths":{"a":{}}}'],
  }),
  parser({
    name: "challenge",
    parse: parseChallenges,
    seeds: [
      'Bearer realm="https://a/token",service="a",scope="repository:x:pull"',
      'Basic realm="a \\"b\\"", Negotiate YTpi==, Digest a=b,',
    ],
    check: (challenges) =>
      ensure(
        challenges.every(({ scheme }) => scheme === scheme.toLowerCase()),
        "schemes in lower case",
      ),
  }),
  parser({
    name: "registry's problem",
    parse: (text) => parseProblem(bytes(text)),
    seeds: ['{"errors":[{"code":"DENIED","message":"no","detail":{}}]}', "<html>", '{"message":"x"}'],
    check: ({ message }) => ensure(!/[\0-\x1f\x7f-\x9f]/.test(message), "a message that cannot steer a terminal"),
  }),
  parser({
    name: "token",
    parse: (text) => parseToken(bytes(text), "host"),
    seeds: ['{"token":"abc","expires_in":300}', '{"access_token":"x","expires_in":-1e400}', '{"token":"a\\r\\nb"}'],
    check({ authorization, expiresAt }) {
      ensure(/^Bearer [\x21-\x7e]+$/.test(authorization), "a header that is one line");
      ensure(Number.isFinite(expiresAt), "an end");
    },
  }),
  parser({
    name: "Retry-After",
    parse: (text) => parseRetryAfter(text, 0),
    seeds: ["120", "Wed, 25 Nov 2026 09:00:00 GMT", "-1", "1e9"],
    check: (wait) => ensure(wait === null || wait >= 0, "a wait, though it be endless"),
  }),
  parser({
    name: "file of variables",
    parse: (text) => parseEnvironmentFile(text, HOST),
    seeds: ["A=1\nHOME\n# x\n\n  B=2 \r\nEMPTY", "export A=1", "=x", "A B=1"],
    check(entries) {
      ensure(
        entries.every((entry) => /^[^=\s][^=]*=/.test(entry)),
        "NAME=value",
      );
      ensure(
        entries.every((entry) => !entry.includes("\n")),
        "an entry to a line",
      );
    },
  }),
];
