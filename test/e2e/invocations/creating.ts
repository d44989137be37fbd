// What run and create refuse before anything runs: names, images, and the values of their flags.

import type { Row } from "../../support/invocation.ts";

export const CREATING: Row[] = [
  // names
  "run --name up busybox",
  "create --name done busybox",
  "create --name .x busybox",
  "create --name a/b busybox",
  "create --name 'a b' busybox",
  ["create --name x busybox", { code: 0, prints: "<id>", says: "", because: "podman's: one letter is a name" }],
  "create --name '' --rm busybox",
  // images
  "run UPPER",
  "run ''",
  "run :",
  "run a:b:c",
  "run busybox:",
  "run busybox@sha256:short",
  "run --pull never nowhere",
  "run --pull nonsense busybox",
  "run --pull=never busybox:nonsense true",
  "run --pull=never 127.0.0.1:1/nowhere",
  "create 127.0.0.1:1/nowhere",
  [
    "run --rm --platform nonsense busybox",
    { says: 'invalid platform "nonsense": unknown operating system or architecture', because: "shorter" },
  ],
  [
    "run --pull=never --rm --platform linux/s390x busybox true",
    { says: "no such image: busybox", because: "podman's: each platform's image is one of its own" },
  ],
  // environment and labels
  "run --rm -e = busybox",
  "run --rm -e =x busybox",
  "run --rm -e '' busybox true",
  "run --rm --env-file /nowhere busybox",
  "run --rm --env-file / busybox",
  "run --rm --label-file /nowhere busybox",
  "run --rm -e UNSET_HERE busybox sh -c 'echo ${UNSET_HERE-unset}'",
  "run --rm -e A=1 -e A=2 busybox sh -c 'echo $A'",
  "run --rm -l = busybox true",
  // where it runs
  "run --rm -w relative busybox pwd",
  "run --rm -w /made/up busybox pwd",
  "run --rm -w '' busybox pwd",
  "run --rm -u nobody-here busybox true",
  "run --rm -u :nobody-here busybox true",
  [
    "run --rm -u -1 busybox true",
    { says: '"-1" is neither the number nor the name of an id', because: "a sign makes no number; no name begins so" },
  ],
  "run --rm -u 4294967296 busybox true",
  "run --rm -u 1000:99999999999 busybox true",
  "run --rm --group-add nobody-here busybox true",
  "run --rm -h '' busybox true",
  "run --rm -h UPPER busybox hostname",
  "run --rm -h under_score busybox true",
  [
    "run --rm -h -dash busybox true",
    { code: 125, says: "invalid hostname: -dash", because: "no host name begins with a dash (RFC 1123)" },
  ],
  "run --rm --network nowhere busybox true",
  "run --rm --network container:nowhere busybox true",
  "run --rm --network container:done busybox true",
  "run --rm --network none --network none busybox true",
  "run --rm --network host -h name busybox hostname",
  "run --rm --add-host nonsense busybox true",
  "run --rm --add-host a:nonsense busybox true",
  ["run --rm --dns nonsense busybox true", { says: "nonsense is not an ip address", because: "podman's words" }],
  "run --rm --dns-search '' busybox true",
  "run --rm --expose nonsense busybox true",
  "run --rm --expose 70000 busybox true",
  [
    "run --rm --expose 80/nonsense busybox true",
    {
      code: 125,
      says: "invalid range format for --expose: 80/nonsense",
      because: "there is no such protocol, and docker's later step would say so",
    },
  ],
  "run --rm --expose 90-80 busybox true",
  // what it may do
  ["run --rm --cap-add NONSENSE busybox true", { says: 'invalid capability "NONSENSE"', because: "as it was typed" }],
  ["run --rm --cap-drop NONSENSE busybox true", { says: 'invalid capability "NONSENSE"', because: "as it was typed" }],
  ["run --rm --cap-add '' busybox true", { says: 'invalid capability ""', because: "as it was typed" }],
  "run --rm --security-opt nonsense busybox true",
  [
    "run --rm --security-opt nonsense=1 busybox true",
    { says: 'invalid --security-opt: "nonsense=1"', because: "docker's 2 tells two checks of its own apart" },
  ],
  "run --rm --security-opt seccomp=/nowhere busybox true",
  [
    "run --rm --security-opt no-new-privileges:perhaps busybox true",
    {
      says: 'invalid --security-opt: "no-new-privileges:perhaps"',
      because: "docker's 2 tells two checks of its own apart",
    },
  ],
  "run --rm --ulimit nonsense busybox true",
  "run --rm --ulimit nonsense=1 busybox true",
  "run --rm --ulimit nofile=x busybox true",
  "run --rm --ulimit nofile=9:5 busybox true",
  "run --rm --ulimit nofile=1:2:3 busybox true",
  "run --rm --stop-signal NONSENSE busybox true",
  [
    "run --rm --stop-signal 99 busybox true",
    { code: 125, says: "invalid signal: 99", because: "podman's: told at once, not when it is to be stopped" },
  ],
  "run --rm --shm-size nonsense busybox true",
  "run --rm --shm-size -1 busybox true",
  "run --rm --shm-size 0 busybox true",
  "run --rm -a nonsense busybox true",
  "run -d --rm busybox true",
  "run --rm -d -a stdout busybox true",
  [
    "run --rm --detach-keys nonsense busybox true",
    {
      code: 125,
      says: "invalid detach keys (nonsense) provided",
      because: "told before anything runs; docker's client hides its engine's words",
    },
  ],
  [
    "run --rm --detach-keys ctrl-1 -i busybox true",
    {
      code: 125,
      says: "invalid detach keys (ctrl-1) provided",
      because: "told before anything runs; docker's client hides its engine's words",
    },
  ],
  "run --rm --cidfile / busybox true",
  [
    "run --rm --cidfile /nowhere/file busybox true",
    {
      code: 125,
      says: "open /nowhere/file: no such file or directory",
      because: "podman's code: docker reads 127 out of the words, and no command was looked for",
    },
  ],
  // what is mounted
  "run --rm -v relative/path:/x busybox true",
  "run --rm -v '' busybox true",
  [
    "run --rm -v : busybox true",
    {
      code: 125,
      says: "invalid spec: :: empty section between colons",
      because: "podman's: a mount of nothing is a mistake",
    },
  ],
  [
    "run --rm -v a: busybox true",
    {
      code: 125,
      says: "invalid spec: a:: empty section between colons",
      because: "podman's: a mount of nothing is a mistake",
    },
  ],
  "run --rm -v :/x busybox true",
  [
    "run --rm -v /tmp:relative busybox true",
    {
      says: "invalid mount path: 'relative' mount path must be absolute",
      because: "-v has no mount config for anybody who typed it",
    },
  ],
  [
    "run --rm -v /tmp:/ busybox true",
    {
      says: "invalid specification: destination can't be '/'",
      because: "-v has no mount config for anybody who typed it",
    },
  ],
  [
    "run --rm -v / busybox true",
    {
      code: 125,
      says: "invalid specification: destination can't be '/'",
      because: "refused like -v /tmp:/, where docker mounts it and fails",
    },
  ],
  "run --rm -v /tmp:/x:nonsense busybox true",
  [
    "run --rm -v /tmp:/x:ro:ro busybox true",
    {
      says: "invalid volume specification: '/tmp:/x:ro:ro'",
      because: "the engine's words, which docker's client has before it",
    },
  ],
  "run --rm -v /tmp:/x:rw,ro busybox true",
  "run --rm -v aa:/x -v bb:/x busybox true",
  "run --rm -v .bad:/x busybox true",
  [
    "run --rm -v x:/x busybox true",
    {
      code: 125,
      says: "volume name is too short",
      because: "docker's own rule, which its client reads as a Windows drive here",
    },
  ],
  "run --rm --mount nonsense busybox true",
  "run --rm --mount '' busybox true",
  "run --rm --mount type=nonsense,target=/x busybox true",
  "run --rm --mount type=bind,target=/x busybox true",
  "run --rm --mount type=bind,source=/nowhere-at-all,target=/x busybox true",
  "run --rm --mount type=bind,source=relative,target=/x busybox true",
  "run --rm --mount type=volume busybox true",
  "run --rm --mount type=volume,target=relative busybox true",
  "run --rm --mount type=tmpfs,source=/x,target=/x busybox true",
  "run --rm --mount type=tmpfs,target=/x,tmpfs-size=nonsense busybox true",
  "run --rm --mount type=tmpfs,target=/x,tmpfs-mode=99 busybox true",
  "run --rm --mount type=bind,source=/tmp,target=/x,nonsense=1 busybox true",
  "run --rm --mount type=bind,source=/tmp,target=/x,readonly=perhaps busybox true",
  [
    "run --rm --mount target=/x,source=.bad busybox true",
    {
      says: '/.bad" includes invalid characters for a local volume name',
      because: "docker's client makes the path absolute too, from another directory",
    },
  ],
  "run --rm --tmpfs relative busybox true",
  "run --rm --tmpfs '' busybox true",
  "run --rm --tmpfs /x:nonsense busybox true",
  [
    "run --rm --tmpfs /x:size=nonsense busybox true",
    { says: 'invalid tmpfs option ["size=nonsense"]', because: "told before anything runs" },
  ],
  // settings
  "run --rm --sysctl nonsense busybox true",
  "run --rm --sysctl kernel.nonsense=1 busybox true",
  "run --rm --sysctl =1 busybox true",
  "run --rm --oom-score-adj nonsense busybox true",
  "run --rm --oom-score-adj 1001 busybox true",
  "run --rm --volumes-from nowhere busybox true",
  "run --rm --volumes-from holder:nonsense busybox ls /data",
  [
    "run --rm --volumes-from '' busybox true",
    { says: 'invalid volumes-from specification: ""', because: "the words of every other one that is none" },
  ],
  "run --rm --volumes-from holder busybox ls -d /data",
  // podman's flags, and its words where docker knows none
  ["run --rm --rootfs /nowhere true", { says: "stat /nowhere: no such file or directory", because: "podman's flag" }],
  ["create --rootfs /etc", { code: 1, says: "no command specified", because: "podman's flag, docker's words" }],
  ["create --rootfs", { code: 1, says: "requires at least 1 argument", because: "podman's flag, docker's words" }],
  ["run --rm --rootfs /etc:Z true", { says: "stat /etc:Z: no such file or directory", because: "podman's flag" }],
  [
    "run --rm --preserve-fds 1 busybox true",
    {
      says: "file descriptor 3 is not available - the preserve-fds option requires that file descriptors must be passed",
      because: "podman's flag",
    },
  ],
  [
    "create --image-volume x --rootfs /etc true",
    { says: 'invalid image volume mode "x" required value: bind, tmpfs, ignore', because: "podman's flag" },
  ],
  [
    "create --requires nope --rootfs /etc true",
    {
      code: 1,
      says: '"nope" is not a valid container, cannot be used as a dependency: no container with name or ID "nope" found',
      because: "podman's flag",
    },
  ],
  [
    "create --init --init-path /nowhere --rootfs /etc true",
    {
      code: 1,
      says: "container-init binary not found on the host: stat /nowhere: no such file or directory",
      because: "podman's flag",
    },
  ],
  [
    "create --read-only-tmpfs=x busybox",
    { says: 'strconv.ParseBool: parsing "x": invalid syntax', because: "podman's flag" },
  ],
];
