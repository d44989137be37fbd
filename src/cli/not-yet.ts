// What docker and podman have and we do not have yet, verb by verb: asked for, it is "not supported yet", never "unknown".
// A name leaves this file when it is made.

import { LATER_CREATE_FLAGS } from "./not-yet-create.ts";

/** `short|long` or `long`, by the verb's key in the command table. */
export const LATER_FLAGS: Readonly<Record<string, string>> = {
  run: LATER_CREATE_FLAGS,
  create: `${LATER_CREATE_FLAGS} init-ctr`,
  images: "tree",
  pull:
    "all-platforms unpack verify decryption-key " +
    "ipfs-address soci-index-digest cosign-certificate-identity cosign-certificate-identity-regexp " +
    "cosign-certificate-oidc-issuer cosign-certificate-oidc-issuer-regexp cosign-key",
  start: "checkpoint checkpoint-dir",
  "volume create":
    "availability group limit-bytes required-bytes scope secret sharing topology-preferred topology-required type",
  "volume ls": "cluster",
  "volume rm": "t|time",
  "image prune": "build-cache",
  "network connect": "link-local-ip",
  "network create": "config-from config-only ingress",
  "system prune": "build",
  version: "",
};

/** docker's, podman's and nerdctl's flags that have nothing to do here, and why, by the verb's key. */
export const POINTLESS_FLAGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ps: {
    external: "Other programs' containers are not in bunker's store.",
    sync: "What a container is doing is looked up every time.",
  },
  exec: { "no-session": "What exec runs is never recorded." },
  images: { names: "Names are always shown." },
  "image prune": { external: "Other programs' containers are not in bunker's store." },
  "system prune": { external: "Other programs' containers are not in bunker's store." },
  "container exists": { external: "Other programs' containers are not in bunker's store." },
  "network inspect": { verbose: "It is about services of a swarm: all there is of a network here is shown anyway." },
  "network rm": { time: "-f stops no containers: whoever is on a network keeps it." },
  "volume create": { ignore: "A volume that is there already is left as it is." },
};

/** Flags before the verb. */
export const LATER_GLOBAL_FLAGS =
  "H|host c|context tls tlscacert tlscert tlskey tlsverify cdi-spec-dir cgroup-manager conmon connection " +
  "events-backend hooks-dir identity imagestore module network-cmd-path network-config-dir out r|remote " +
  "ssh storage-driver storage-opt syslog tls-ca tls-cert tls-key tmpdir transient-store url volumepath";

/** By group; `""` are the verbs without one. A group that is not there at all has an entry of its own. */
export const LATER_VERBS: Readonly<Record<string, string>> = {
  "":
    "build push login logout search commit events import load save " +
    "update auto-update init mount umount unmount unshare",
  container: "checkpoint restore clone cleanup commit init mount unmount umount runlabel update",
  image: "build import load push save diff mount unmount scp search sign tree trust convert encrypt decrypt",
  artifact: "",
  builder: "",
  buildx: "",
  checkpoint: "",
  compose: "",
  config: "",
  context: "",
  farm: "",
  generate: "",
  healthcheck: "",
  kube: "",
  machine: "",
  manifest: "",
  network: "reload update",
  node: "",
  plugin: "",
  pod: "",
  quadlet: "",
  secret: "",
  service: "",
  stack: "",
  swarm: "",
  system: "check connection events migrate renumber service dial-stdio",
  trust: "",
  volume: "update export import mount unmount reload",
};
