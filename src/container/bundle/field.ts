// A bundle's config.json, field by field: each has a name, and what is wrong with it or cannot be had is said by that name. Fields that
// the runtime specification does not know are ignored, as it demands.

import { BunkerError } from "../../errors.ts";

const HINT = "Nothing that a bundle asks for is left out silently: take it out of the bundle's configuration.";

/** One value in config.json, and where it is. */
export class Field {
  constructor(
    readonly path: string,
    readonly value: unknown,
  ) {}

  get isThere(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** Whether it asks for anything: not absent, empty or nought. */
  get asks(): boolean {
    const { value } = this;
    if (!this.isThere || value === "" || value === 0 || value === false) return false;
    return typeof value !== "object" || Object.values(value as object).length > 0;
  }

  /** @throws BunkerError usage */
  wrong(reason: string): BunkerError {
    return new BunkerError("usage", `config.json: ${this.path} ${reason}`);
  }

  /** @throws BunkerError unsupported */
  refused(reason = "is not supported"): BunkerError {
    return new BunkerError("unsupported", `config.json: ${this.path} ${reason}`, { hint: HINT });
  }

  /** A field of this object; one that is absent has absent fields. */
  at(name: string): Field {
    const path = this.path === "" ? name : `${this.path}.${name}`;
    if (!this.isThere) return new Field(path, undefined);
    if (typeof this.value !== "object" || Array.isArray(this.value)) throw this.wrong("is not an object");
    const own = Object.hasOwn(this.value as object, name);
    return new Field(path, own ? (this.value as Record<string, unknown>)[name] : undefined);
  }

  /** The fields of this object. */
  entries(): [name: string, field: Field][] {
    if (!this.isThere) return [];
    if (typeof this.value !== "object" || Array.isArray(this.value)) throw this.wrong("is not an object");
    return Object.keys(this.value as object).map((name) => [name, this.at(name)]);
  }

  /** None of these is asked for. */
  ensureNone(...names: string[]): void {
    for (const name of names) {
      const field = this.at(name);
      if (field.asks) throw field.refused();
    }
  }

  list(): Field[] {
    if (!this.isThere) return [];
    if (!Array.isArray(this.value)) throw this.wrong("is not a list");
    return this.value.map((value, index) => new Field(`${this.path}[${index}]`, value));
  }

  text(): string | undefined {
    if (!this.isThere) return undefined;
    if (typeof this.value !== "string" || this.value.includes("\0")) throw this.wrong("is not a string");
    return this.value;
  }

  texts(): string[] {
    return this.list().map((field) => field.needed(field.text()));
  }

  textMap(): Record<string, string> {
    return Object.fromEntries(this.entries().map(([name, field]) => [name, field.needed(field.text())]));
  }

  flag(): boolean {
    if (!this.isThere) return false;
    if (typeof this.value !== "boolean") throw this.wrong("is not true or false");
    return this.value;
  }

  /** A whole number that JSON could carry exactly. */
  integer(least = 0, most = Number.MAX_SAFE_INTEGER): number | undefined {
    if (!this.isThere) return undefined;
    if (!Number.isSafeInteger(this.value) || (this.value as number) < least || (this.value as number) > most) {
      throw this.wrong(`is not a whole number from ${least} to ${most}`);
    }
    return this.value as number;
  }

  /** @throws BunkerError usage when it is absent */
  needed<T>(value: T | undefined): T {
    if (value === undefined) throw this.wrong("is missing");
    return value;
  }

  absolutePath(): string {
    const path = this.needed(this.text());
    if (!path.startsWith("/")) throw this.wrong("is not an absolute path");
    return path;
  }
}
