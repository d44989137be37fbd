// An image with everything in it that a layer can hold, written by GNU tar in its different formats and packed by umoci:
// owners, modes, special bits, attributes, capabilities, holes, long names, names that are no text, odd times, hard links
// within and across layers, whiteouts, opaque directories, things that become other things.

import type { TestDirectory } from "./directory.ts";
import { setExtendedAttribute } from "./libc.ts";
import { runProgram } from "./program.ts";

const LONG = "long-".repeat(40);
const DEEP = `deep/${"directory-".repeat(12)}/`.repeat(3);

interface Recipe {
  name: string;
  /** A shell script that makes the files. */
  make: string;
  attributes?: [path: string, name: string, value: string | Uint8Array][];
  /** How GNU tar packs them. */
  tar: string[];
}

/** Layers, bottom first. */
const LAYERS: Recipe[] = [
  {
    name: "base",
    make: `
      umask 022
      mkdir -p data opaque/below was-directory/inside sticky setgid empty etc links
      echo base > data/replaced; echo base > data/removed; echo base > opaque/lower; echo base > was-file
      echo base > was-directory/inside/file; ln -s nowhere was-link; ln -s etc link-to-directory
      echo target > links/target; ln links/target links/second; ln links/target links/third
      ln -s target links/relative; ln -s /etc/absolute links/absolute; ln links/relative links/hard-to-symlink
      chmod 1777 sticky; chmod 2775 setgid; chown 0:50 setgid; chmod 750 data; chown 33:33 data
      echo '#!/bin/sh' > setuid; chmod 4755 setuid; echo x > setgid-file; chown 1000:100 setgid-file; chmod 2711 setgid-file
      echo secret > unreadable; chmod 0 unreadable; mkdir closed; echo x > closed/inside; chmod 0 closed
      echo nobody > nobody; chown 65534:65534 nobody; ln -s x linkowner; chown -h 12:34 linkowner
      echo capable > capable; chmod 755 capable; chown 5:5 capable; setcap cap_net_bind_service,cap_net_raw+ep capable
      echo value > attributes; mkdir attribute-directory
      truncate -s 50M holes; printf begin | dd of=holes conv=notrunc status=none
      printf end | dd of=holes bs=1 seek=40000000 conv=notrunc status=none
      truncate -s 1M only-hole; : > nothing; mkfifo pipe; chmod 640 pipe
      echo long > ${LONG}; mkdir -p ${DEEP}; echo deep > ${DEEP}/file; ln -s ${LONG}/${LONG} long-target
      printf x > "$(printf 'not-utf8-\\377\\376')"; printf x > "$(printf 'new\\nline')"; printf x > "$(printf 'esc\\033[31m')"
      printf x > ' leading and trailing '; printf x > back\\\\slash; printf x > 'e\u0301'; printf x > '\u00e9'; printf x > CASE; printf x > case
      echo old > old; touch -d '1965-03-04 05:06:07.123456789 UTC' old
      echo future > future; touch -d '2200-01-01 00:00:00 UTC' future
      touch -d '2020-02-03 04:05:06.987654321 UTC' nothing
    `,
    attributes: [
      ["attributes", "user.one", "first"],
      ["attributes", "user.two", Uint8Array.of(0, 0xff, 0x10)],
      ["attribute-directory", "user.directory", "yes"],
    ],
    tar: ["--format=pax", "--sparse", "--xattrs", "--xattrs-include=*"],
  },
  {
    name: "changes",
    make: `
      umask 022
      mkdir -p data opaque was-file data/.wh..x && rmdir data/.wh..x
      echo upper > data/replaced; : > data/.wh.removed; : > opaque/.wh..wh..opq; echo upper > opaque/upper
      echo upper > was-file/inside; echo upper > was-directory; mkdir was-link; echo upper > was-link/inside
      chmod 700 data; chown 7:8 data; : > .wh.empty; : > .wh.never-there; mkdir -p etc; : > .wh.link-to-directory
      mkdir link-to-directory; echo x > link-to-directory/file
      echo long > ${LONG}-gnu; ln -s ${LONG}/${LONG} long-target-gnu
    `,
    tar: ["--format=gnu"],
  },
  {
    name: "sparse",
    make: `
      for version in 0.0 0.1 1.0; do
        truncate -s 2M "$version"; printf "$version" | dd of="$version" bs=1 seek=1000000 conv=notrunc status=none
      done
    `,
    tar: ["--format=ustar"],
  },
];

export interface RichImage {
  /** An OCI layout. Tag "latest" has everything but one file more that tag "gnu" has: umoci cannot unpack GNU's own sparse files. */
  layout: string;
  /** Where that file lies, under its name. */
  gnuRoot: string;
}

export async function makeRichImage(directory: TestDirectory): Promise<RichImage> {
  const layout = directory.file("rich");
  await runProgram(["umoci", "init", "--layout", layout]);
  await runProgram(["umoci", "new", "--image", `${layout}:latest`]);
  for (const { name, make, attributes = [], tar } of LAYERS) {
    const root = directory.file(`${name}-root`);
    await runProgram(["mkdir", root]);
    await runProgram(["sh", "-euc", make], { cwd: root, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" } });
    for (const [path, attribute, value] of attributes) setExtendedAttribute(`${root}/${path}`, attribute, value);
    const archive = directory.file(`${name}.tar`);
    await runProgram(["tar", ...tar, "--numeric-owner", "--sort=name", "-cf", archive, "-C", root, "."]);
    await addLayer(layout, archive);
  }
  await addSparseVersions(directory, layout);
  await addLinks(directory, layout);
  return { layout, gnuRoot: await addGnuSparse(directory, layout) };
}

async function addLayer(layout: string, archive: string, tag = "latest"): Promise<void> {
  await runProgram(["umoci", "raw", "add-layer", "--image", `${layout}:latest`, "--tag", tag, archive]);
}

async function addGnuSparse(directory: TestDirectory, layout: string): Promise<string> {
  const root = directory.file("gnu-root");
  const make = "truncate -s 3M gnu-sparse; printf middle | dd of=gnu-sparse bs=1 seek=1500000 conv=notrunc status=none";
  await runProgram(["mkdir", root]);
  await runProgram(["sh", "-euc", make], { cwd: root });
  // To the second: that is all this format has.
  await runProgram(["touch", "-d", "2020-01-02 03:04:05 UTC", `${root}/gnu-sparse`]);
  await runProgram(["tar", "--format=gnu", "--sparse", "-cf", `${root}.tar`, "-C", root, "gnu-sparse"]);
  await addLayer(layout, `${root}.tar`, "gnu");
  return root;
}

/** GNU tar's three ways to say in PAX where the holes are. */
async function addSparseVersions(directory: TestDirectory, layout: string): Promise<void> {
  for (const version of ["0.0", "0.1", "1.0"]) {
    const archive = directory.file(`sparse-${version}.tar`);
    const how = ["--format=pax", "--sparse", `--sparse-version=${version}`];
    await runProgram(["tar", ...how, "-cf", archive, "-C", directory.file("sparse-root"), version]);
    await addLayer(layout, archive);
  }
}

/** Hard links to files of lower layers, whose own entries are not in the archive. */
async function addLinks(directory: TestDirectory, layout: string): Promise<void> {
  const root = directory.file("base-root");
  const archive = directory.file("links.tar");
  const make = "ln links/target links/across; ln links/target links/across-too; ln capable links/capable";
  await runProgram(["sh", "-euc", make], { cwd: root });
  const names = ["links/target", "capable", "links/across", "links/across-too", "links/capable"];
  await runProgram(["tar", "--format=pax", "--numeric-owner", "-cf", archive, "-C", root, ...names]);
  await runProgram(["tar", "--delete", "-f", archive, "links/target", "capable"]);
  await addLayer(layout, archive);
}
