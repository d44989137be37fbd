// What Bun's program has linked into it on Linux, as Bun's own LICENSE.md lists it: no package manager of ours knows these. To be looked
// at again whenever the version of Bun changes.

/** Name, SPDX expression, where its source and its licence are. */
export const BUN_PARTS: readonly [name: string, licence: string, home: string][] = [
  ["JavaScriptCore and WebCore (oven-sh/WebKit)", "LGPL-2.0-only", "github.com/oven-sh/WebKit"],
  ["boringssl", "LicenseRef-boringssl", "boringssl.googlesource.com/boringssl"],
  ["brotli", "MIT", "github.com/google/brotli"],
  ["c-ares", "MIT", "github.com/c-ares/c-ares"],
  ["highway", "Apache-2.0", "github.com/google/highway"],
  ["icu", "LicenseRef-icu", "github.com/unicode-org/icu"],
  ["libarchive", "LicenseRef-libarchive", "github.com/libarchive/libarchive"],
  ["libbase64", "BSD-2-Clause", "github.com/aklomp/base64"],
  ["libdeflate", "MIT", "github.com/ebiggers/libdeflate"],
  ["libjpeg-turbo", "LicenseRef-libjpeg-turbo", "github.com/libjpeg-turbo/libjpeg-turbo"],
  ["libspng", "BSD-2-Clause", "github.com/randy408/libspng"],
  ["libwebp", "BSD-3-Clause", "github.com/webmproject/libwebp"],
  ["lol-html", "BSD-3-Clause", "github.com/cloudflare/lol-html"],
  ["ls-hpack", "MIT", "github.com/litespeedtech/ls-hpack"],
  ["ls-qpack", "MIT", "github.com/litespeedtech/ls-qpack"],
  ["lsquic", "MIT AND BSD-3-Clause", "github.com/litespeedtech/lsquic"],
  ["mimalloc", "MIT", "github.com/microsoft/mimalloc"],
  ["picohttpparser", "MIT", "github.com/h2o/picohttpparser"],
  ["simdutf", "Apache-2.0", "github.com/simdutf/simdutf"],
  ["tinycc", "LGPL-2.1-only", "github.com/tinycc/tinycc"],
  ["uSockets", "Apache-2.0", "github.com/uNetworking/uSockets"],
  ["uWebSockets", "Apache-2.0", "github.com/jarred-sumner/uwebsockets"],
  ["uucode", "MIT", "github.com/jacobsandlund/uucode"],
  ["zlib-ng", "Zlib", "github.com/zlib-ng/zlib-ng"],
  ["zstd", "BSD-3-Clause", "github.com/facebook/zstd"],
  ["polyfills of Node's modules", "MIT", "github.com/oven-sh/bun"],
];
