// Flags of run and create that docker or podman has and we do not have yet; read by not-yet.ts alone.

export const LATER_CREATE_FLAGS = [
  // docker's and podman's, met in the first hour
  "cpus health-cmd health-interval health-retries health-start-interval health-start-period",
  "health-timeout log-driver log-opt m|memory pids-limit",
  "restart",
  // in the first month
  "blkio-weight cgroup-parent cgroups cpu-period cpu-quota c|cpu-shares",
  "cpuset-cpus cpuset-mems device-cgroup-rule gpus",
  "health-log-destination health-max-log-count health-max-log-size health-on-failure health-startup-cmd",
  "health-startup-interval health-startup-retries health-startup-success health-startup-timeout",
  "link-local-ip memory-reservation memory-swap",
  "memory-swappiness oom-kill-disable pod",
  "sdnotify secret systemd",
  "use-api-socket",
  // specialists'
  "blkio-weight-device cgroup-conf cosign-certificate-identity cosign-certificate-identity-regexp",
  "cosign-certificate-oidc-issuer cosign-certificate-oidc-issuer-regexp cosign-key cpu-count cpu-percent cpu-rt-period",
  "cpu-rt-runtime decryption-key device-read-bps device-read-iops device-write-bps device-write-iops",
  "io-maxbandwidth io-maxiops ipfs-address isolation kernel-memory permissive pod-id-file",
  "rdt-class seccomp-policy shm-size-systemd verify",
].join(" ");
