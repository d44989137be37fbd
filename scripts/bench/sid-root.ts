// A root file system of Debian unstable with today's podman in it, made once, from the machine's own package sources.

import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const CACHE = process.env["BUNKER_TEST_CACHE"] ?? "/var/cache/bunker-test";
const PACKAGES =
  "podman,crun,netavark,aardvark-dns,passt,slirp4netns,uidmap,containers-storage,util-linux,e2fsprogs,procps";

/** Its path. */
export function sidRoot(): string {
  const root = join(CACHE, "sid-root");
  if (existsSync(root)) return root;
  mkdirSync(CACHE, { recursive: true });
  console.log("bench: making a Debian sid root with today's podman (once)");
  const aside = `${root}.making`;
  rmSync(aside, { recursive: true, force: true });
  const source = `deb ${debianMirror()} sid main`;
  const options = [
    "--quiet",
    "--variant=minbase",
    '--aptopt=Acquire::Check-Valid-Until "false"',
    `--include=${PACKAGES}`,
  ];
  const { success, stderr } = Bun.spawnSync(["mmdebstrap", ...options, "sid", aside, source]);
  if (!success) throw new Error(`mmdebstrap: ${stderr.toString()}`);
  renameSync(aside, root);
  return root;
}

/** Where this machine gets Debian's main archive from. */
function debianMirror(): string {
  const { stdout } = Bun.spawnSync(["apt-get", "indextargets", "--format", "$(SITE) $(CREATED_BY)"]);
  const sites = stdout
    .toString()
    .split("\n")
    .filter((line) => line.endsWith(" Packages"))
    .map((line) => line.split(" ")[0] ?? "");
  const main = sites.find((site) => !site.includes("security"));
  if (main === undefined) throw new Error("apt-get knows of no Debian archive");
  return main;
}
