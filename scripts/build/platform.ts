// What we build for: the names that Rust, Bun, OCI and npm give to one architecture.

export type Architecture = "amd64" | "arm64";

export interface Platform {
  architecture: Architecture;
  /** Static, no interpreter: the keeper, hello, the probe. */
  muslTarget: string;
  /** Loaded into Bun, so it needs Bun's own libc. */
  gnuTarget: string;
  bunTarget: "bun-linux-x64" | "bun-linux-arm64";
  /** The npm package with Bun's program. */
  bunPackage: string;
  /** Another architecture than this machine's. */
  cross: boolean;
  /** Where everything goes; the host's own architecture has no folder of its own. */
  output: string;
}

const NAMES = {
  amd64: { cpu: "x86_64", bunTarget: "bun-linux-x64", bunPackage: "@oven/bun-linux-x64" },
  arm64: { cpu: "aarch64", bunTarget: "bun-linux-arm64", bunPackage: "@oven/bun-linux-aarch64" },
} as const;

export function hostArchitecture(): Architecture {
  if (process.arch === "x64") return "amd64";
  if (process.arch === "arm64") return "arm64";
  throw new Error(`bunker is built on x86-64 and arm64, not on ${process.arch}`);
}

export function parseArchitecture(text: string): Architecture {
  if (text === "amd64" || text === "arm64") return text;
  throw new Error(`unknown target "${text}": amd64 or arm64`);
}

export function platformOf(architecture: Architecture): Platform {
  const { cpu, bunTarget, bunPackage } = NAMES[architecture];
  const cross = architecture !== hostArchitecture();
  return {
    architecture,
    muslTarget: `${cpu}-unknown-linux-musl`,
    gnuTarget: `${cpu}-unknown-linux-gnu`,
    bunTarget,
    bunPackage,
    cross,
    output: cross ? `dist/${architecture}` : "dist",
  };
}
