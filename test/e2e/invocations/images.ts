// Verbs that name images and volumes.

import type { Row } from "../../support/invocation.ts";

export const IMAGES: Row[] = [
  "image inspect nowhere",
  [
    "image inspect UPPER",
    {
      says: "repository name (library/UPPER) must be lowercase",
      because: "docker's client's words, where its engine has others",
    },
  ],
  [
    "image inspect ''",
    { says: "invalid reference format: repository name must have at least one component", because: "podman's words" },
  ],
  "image inspect busybox nowhere",
  "image inspect up",
  "image inspect -f '{{.Os}}' busybox",
  "images -q nowhere",
  "images nowhere --format '{{.ID}}'",
  "images UPPER",
  [
    "images ''",
    { prints: "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE", because: "podman's: no image has an empty name" },
  ],
  "images busybox --format '{{.Repository}}:{{.Tag}}'",
  "rmi nowhere",
  "rmi -f nowhere",
  [
    "rmi UPPER",
    {
      says: "repository name (library/UPPER) must be lowercase",
      because: "docker's client's words, where its engine has others",
    },
  ],
  ["rmi ''", { says: "image name cannot be empty", because: "docker's newer client asks a page that is not there" }],
  "rmi nowhere gone",
  "rmi busybox:nonsense",
  "tag nowhere x",
  "tag busybox UPPER",
  [
    "tag busybox ''",
    { says: "invalid reference format: repository name must have at least one component", because: "podman's words" },
  ],
  [
    "tag busybox x:",
    { says: 'invalid reference format: "x:"', because: "the words of every other reference that is none" },
  ],
  "tag busybox x@sha256:0000000000000000000000000000000000000000000000000000000000000000",
  [
    "tag busybox -x",
    { says: 'invalid reference format: "-x"', because: "the words of every other reference that is none" },
  ],
  "tag UPPER x",
  "tag busybox second",
  "pull UPPER",
  "pull ''",
  "pull :x",
  "pull a:b:c",
  "pull busybox@sha256:short",
  [
    "pull 127.0.0.1:1/nowhere",
    {
      says: 'connecting to "127.0.0.1:1": connection refused',
      because: "names the image and the host, not the first URL that was tried",
    },
  ],
  [
    "pull -q 127.0.0.1:1/nowhere",
    {
      says: 'connecting to "127.0.0.1:1": connection refused',
      because: "names the image and the host, not the first URL that was tried",
    },
  ],
  [
    "pull --platform nonsense/none/at/all 127.0.0.1:1/nowhere",
    {
      prints: "",
      says: 'invalid platform "nonsense/none/at/all"',
      because: "the words of every other platform that is none, before anything else is said",
    },
  ],
  "pull 0000000000000000000000000000000000000000000000000000000000000000",
];

export const VOLUMES: Row[] = [
  "volume create a/b",
  "volume create .x",
  "volume create x",
  "volume create spare",
  [
    "volume create --driver nonsense other",
    { says: 'the volume driver "nonsense" is not supported', because: "there are no plugins to look for" },
  ],
  [
    "volume create --opt nonsense other",
    { says: 'the volume option "nonsense" is not supported', because: "no option is, for lack of root" },
  ],
  "volume create --label = other2",
  "volume create ''",
  "volume inspect nowhere",
  [
    "volume inspect ''",
    { says: "get : no such volume", because: "docker's engine's words; a newer client has its own" },
  ],
  "volume inspect spare nowhere",
  "volume inspect -f '{{.Name}}' spare",
  [
    "volume inspect -f '{{.Nonsense}}' spare",
    {
      says: 'executing "" at <.Nonsense>: map has no entry for key "Nonsense"',
      because: "docker's words for an object that its client has no type for",
    },
  ],
  "volume rm nowhere",
  [
    "volume rm -f nowhere",
    { prints: "", says: "get nowhere: no such volume", because: "rm -f's way: told, and no failure" },
  ],
  "volume rm kept",
  "volume rm -f kept",
  "volume rm ''",
  "volume rm nowhere kept",
  "volume ls -q --filter name=nowhere",
  "volume ls --filter name=spare --format '{{.Driver}} {{.Name}}'",
  [
    "volume ls --format '{{.Nonsense}}'",
    {
      says: "failed to execute template: template: :1:2: executing",
      because: "the same words for all tables; docker has others for images and volumes",
    },
  ],
];
