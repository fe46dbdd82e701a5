import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { SqliteDialect } from "kysely";
import type { SqliteDatabase, SqliteStatement } from "kysely";

// Kysely asks for the same few dozen texts again and again; compiling one costs more than running it.
const MAX_CACHED_STATEMENTS = 200;
// Waiting for another process's lock blocks this one's event loop; nobody but a backup has a reason to hold one.
const BUSY_TIMEOUT_MS = 250;

export interface SqliteOptions {
  /** FULL: a commit that was reported is on the disk, also after a power cut. NORMAL: it survives the process. */
  synchronous: "FULL" | "NORMAL";
  /** A statement failed: the disk is full, the file read-only, or a rule of the tables was broken. */
  onError?(): void;
}

/** Kysely's dialect for Node's own SQLite: WAL, foreign keys on, and a busy time-out for a second process. */
export function nodeSqliteDialect(file: string, { synchronous, onError = () => undefined }: SqliteOptions): SqliteDialect {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA foreign_keys = ON;`);
  return new SqliteDialect({ database: adapt(database, onError) });
}

function adapt(database: DatabaseSync, onError: () => void): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const cached = cache.get(sql);
      if (cached) return cached;
      const statement = adaptStatement(database.prepare(sql), onError);
      if (cache.size >= MAX_CACHED_STATEMENTS) cache.clear();
      cache.set(sql, statement);
      return statement;
    },
  };
}

function adaptStatement(statement: StatementSync, onError: () => void): SqliteStatement {
  const telling = <Result>(run: () => Result): Result => {
    try {
      return run();
    } catch (error) {
      onError();
      throw error;
    }
  };
  const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    // Rows come with a null prototype, which React refuses as props.
    all: (parameters) => telling(() => statement.all(...values(parameters)).map((row) => ({ ...row }))),
    run: (parameters) => telling(() => statement.run(...values(parameters))),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  };
}
