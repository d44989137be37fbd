// Root file systems of Debian, each made once, from the machine's own package sources: today's, with today's podman in it, and one of
// this machine's release with nothing that Debian does not call essential.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const CACHE = process.env["BUNKER_TEST_CACHE"] ?? "/var/cache/bunker-test";
const PACKAGES =
  "podman,crun,netavark,aardvark-dns,passt,slirp4netns,uidmap,containers-storage,nftables,util-linux,e2fsprogs,procps";

/** Its path. */
export function sidRoot(): string {
  return makeRoot(`sid-root-${Bun.hash.crc32(PACKAGES).toString(16)}`, "sid", [`--include=${PACKAGES}`]);
}

/** Its path. */
export function bareRoot(): string {
  const suite = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "stable";
  return makeRoot(`bare-root-${suite}`, suite, []);
}

function makeRoot(name: string, suite: string, more: string[]): string {
  const root = join(CACHE, name);
  if (existsSync(root)) return root;
  mkdirSync(CACHE, { recursive: true });
  console.log(`making a root file system of Debian ${suite} (once)`);
  const aside = `${root}.making`;
  rmSync(aside, { recursive: true, force: true });
  const source = `deb ${debianMirror()} ${suite} main`;
  const options = ["--quiet", "--variant=minbase", '--aptopt=Acquire::Check-Valid-Until "false"', ...more];
  const { success, stderr } = Bun.spawnSync(["mmdebstrap", ...options, suite, aside, source]);
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
