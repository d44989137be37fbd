// A certificate authority for tests, by openssl: issues server and client certificates, good ones and bad ones.

import { makeDirectory, type TestDirectory } from "./directory.ts";
import { runProgram } from "./program.ts";

export interface IssuedCertificate {
  /** PEM. */
  cert: string;
  key: string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export class TestAuthority {
  private issued = 0;

  private constructor(
    private readonly directory: TestDirectory,
    /** The authority's own certificate, PEM. */
    readonly cert: string,
    /** Where that is on disk. */
    readonly path: string,
  ) {}

  static async create(): Promise<TestAuthority> {
    const directory = makeDirectory();
    const path = directory.file("ca.crt");
    await runProgram([
      "openssl",
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      directory.file("ca.key"),
      "-out",
      path,
      "-days",
      "30",
      "-subj",
      "/CN=Test Authority",
    ]);
    return new TestAuthority(directory, await Bun.file(path).text(), path);
  }

  /** A certificate for these names (`DNS:localhost`, `IP:127.0.0.1`); with negative days it has expired. */
  async issue(
    names: string[] = ["IP:127.0.0.1", "DNS:localhost"],
    options: { days?: number } = {},
  ): Promise<IssuedCertificate> {
    this.issued += 1;
    const stem = this.directory.file(`issued-${this.issued}`);
    await Bun.write(`${stem}.ext`, `subjectAltName=${names.join(",")}\n`);
    await runProgram([
      "openssl",
      "req",
      ...NEW_KEY,
      "-keyout",
      `${stem}.key`,
      "-out",
      `${stem}.csr`,
      "-subj",
      "/CN=test",
    ]);
    const authority = ["-CA", this.path, "-CAkey", this.directory.file("ca.key"), "-CAcreateserial"];
    const validity = ["-days", String(options.days ?? 10), "-extfile", `${stem}.ext`];
    await runProgram([
      "openssl",
      "x509",
      "-req",
      "-in",
      `${stem}.csr`,
      "-out",
      `${stem}.crt`,
      ...authority,
      ...validity,
    ]);
    return { cert: await Bun.file(`${stem}.crt`).text(), key: await Bun.file(`${stem}.key`).text() };
  }

  remove(): void {
    this.directory.remove();
  }
}
