// The few calls that neither node:fs nor Bun has: extended attributes, links not followed.

import { dlopen, FFIType, ptr } from "bun:ffi";

const LIST_SIZE = 1 << 16;
const VALUE_SIZE = 1 << 16;

const { symbols } = dlopen("libc.so.6", {
  llistxattr: { args: [FFIType.ptr, FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
  lgetxattr: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
  lsetxattr: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
});

function cString(text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(text), Buffer.of(0)]);
}

/** Names and values, hexadecimal, sorted by name. Empty where the file system has none. */
export function extendedAttributes(path: string | Buffer): [name: string, value: string][] {
  const list = Buffer.alloc(LIST_SIZE);
  const length = Number(symbols.llistxattr(ptr(cString(path)), ptr(list), LIST_SIZE));
  if (length <= 0) return [];
  const names = list
    .subarray(0, length - 1)
    .toString()
    .split("\0")
    .sort();
  return names.map((name) => [name, attribute(path, name)]);
}

function attribute(path: string | Buffer, name: string): string {
  const value = Buffer.alloc(VALUE_SIZE);
  const length = Number(symbols.lgetxattr(ptr(cString(path)), ptr(cString(name)), ptr(value), VALUE_SIZE));
  if (length < 0) throw new Error(`lgetxattr(${path.toString()}, ${name}) failed`);
  return value.subarray(0, length).toString("hex");
}

/** Whether the file system took it. */
export function setExtendedAttribute(path: string, name: string, value: string | Uint8Array): boolean {
  const bytes = Buffer.from(value);
  return symbols.lsetxattr(ptr(cString(path)), ptr(cString(name)), ptr(bytes), bytes.length, 0) === 0;
}
