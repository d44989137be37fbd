// Names: of images, platforms, containers, signals, hosts.

import { parseContainerName } from "../../../src/cli/container-name.ts";
import { parseSignal } from "../../../src/container/signal.ts";
import { isDigest, parseDigest } from "../../../src/image/digest.ts";
import { parsePlatform } from "../../../src/image/platform.ts";
import {
  familiarReference,
  formatReference,
  lookupNames,
  parseReference,
  type Reference,
} from "../../../src/image/reference.ts";
import { ensure, parser } from "../parsers.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const LARGEST_SIGNAL = 64;

export const PARSERS = [
  parser({
    name: "reference",
    parse: parseReference,
    seeds: [
      "nginx",
      "nginx:1.27",
      "localhost:5000/a/b-c:tag",
      `ghcr.io/a/b@${DIGEST}`,
      "[::1]:5000/x",
      "docker.io/library/a",
      "A/b",
      "docker.io/a.b/c",
      "docker.io/localhost/a",
      `docker.io/library/${"ab".repeat(32)}`,
    ],
    check(reference: Reference, text) {
      for (const written of [formatReference(reference), familiarReference(reference)]) {
        ensure(Bun.deepEquals(parseReference(written), reference), `${written} means what ${text} means`);
      }
      ensure(/^[^\s/]+\/[^\s]+$/.test(formatReference(reference)), "a name without spaces and with a host");
      ensure(lookupNames(text).length > 0, "it can be looked for");
    },
  }),
  parser({
    name: "digest",
    parse: parseDigest,
    seeds: [DIGEST, DIGEST.slice(0, -1), "sha512:00", "../../x", "sha256:"],
    // It becomes part of a path.
    check: (digest) =>
      ensure(isDigest(digest) && /^[a-z0-9]+:[0-9a-f]{64,128}$/.test(digest), "nothing but an algorithm and digits"),
  }),
  parser({
    name: "platform",
    parse: parsePlatform,
    seeds: ["linux/amd64", "linux/arm/v7", "arm64", "linux", "windows(10.0)/amd64", "linux/amd64/v1/x"],
    check: (platform) => ensure(platform.os !== "" && platform.architecture !== "", "a system and a machine"),
  }),
  parser({
    name: "container name",
    parse: parseContainerName,
    seeds: ["web", "/web", "", "a/b", ".x", "A_b-c.d"],
    check: (name) => ensure(name === null || /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name), "a name that is no path"),
  }),
  parser({
    name: "signal",
    parse: parseSignal,
    seeds: ["TERM", "SIGTERM", "15", "sigrtmin+3", "RTMAX-1", "0", "65"],
    check: (signal) => ensure(Number.isInteger(signal) && signal > 0 && signal <= LARGEST_SIGNAL, "a signal"),
  }),
];
