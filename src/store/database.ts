// The one SQLite database: opened once per process, WAL, every write an immediate transaction of a few milliseconds that spans
// no other I/O. A deferred transaction that reads and then writes loses updates: there is none here.

import { type Database, type SQLQueryBindings, SQLiteError } from "bun:sqlite";
import { explainDatabase, isFailedSync, isFull } from "./database-problem.ts";
import { openDatabase } from "./open-database.ts";
import type { Reserve } from "./reserve.ts";

export type Row = Record<string, string | number | null>;

export interface WriteOptions {
  /** When it returns, not even a power cut takes it back; else one may, which is right for what would be undone after one anyway. */
  durable?: boolean;
  /** It leads to more room on the disk: where that is full, the reserve is given up for it. */
  frees?: boolean;
}

export class Records {
  readonly #path: string;
  readonly #reserve: Reserve;
  #opened: Database | null = null;

  /** Opens nothing yet: the first query does. */
  constructor(path: string, reserve: Reserve) {
    this.#path = path;
    this.#reserve = reserve;
  }

  get #database(): Database {
    this.#opened ??= openDatabase(this.#path);
    return this.#opened;
  }

  /** All rows of a query. */
  all(sql: string, ...values: SQLQueryBindings[]): Row[] {
    return this.#guarded(() => this.#database.query<Row, SQLQueryBindings[]>(sql).all(...values), true);
  }

  /** The first row, or `null`. */
  first(sql: string, ...values: SQLQueryBindings[]): Row | null {
    return this.#guarded(() => this.#database.query<Row, SQLQueryBindings[]>(sql).get(...values), true);
  }

  /** A write within `write`. @returns how many rows it changed */
  run(sql: string, ...values: SQLQueryBindings[]): number {
    return this.#database.query(sql).run(...values).changes;
  }

  /** Runs `change` as one immediate transaction. */
  write<T>(change: () => T, { durable = true, frees = false }: WriteOptions = {}): T {
    return this.#guarded(() => {
      this.#database.run(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
      return this.#database.transaction(change).immediate();
    }, frees);
  }

  /** SQLite's failures in our words; what is `worth` the reserve gets it and a second try. */
  #guarded<T>(action: () => T, worth: boolean): T {
    try {
      return action();
    } catch (error) {
      if (worth && isFull(error) && this.#reserve.release()) return this.#guarded(action, false);
      if (!(error instanceof SQLiteError)) throw error;
      if (isFailedSync(error)) this.#forgetCommit();
      throw explainDatabase(error);
    }
  }

  /**
   * A commit whose sync failed stands in the log, and would be found there by the next process that opens it alone. The last
   * connection to close removes the log, without it.
   */
  #forgetCommit(): void {
    this.#opened?.close();
    this.#opened = null;
  }
}
