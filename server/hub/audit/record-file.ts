import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import type { AuditHead, ChainedRow } from "#lib/audit/chain";
import { ChainCheck } from "#lib/audit/chain-check";
import type { ChainReport } from "#lib/audit/chain-check";
import { exportRow, importRow } from "#lib/audit/export-row";
import { hashOf } from "../store/audit-chain.ts";
import { headFileOf, readHeads } from "../store/audit-head.ts";

/** There is no record there, or it cannot be read. */
export class UnreadableRecordError extends Error {
  override readonly name = "UnreadableRecordError";
}

export interface ExportRange {
  sinceMs?: number;
  untilMs?: number;
}

/**
 * The record of a data folder, opened to read beside a hub that may run: one snapshot of it. Nothing of it is held in
 * memory but the row at hand.
 */
export class RecordFile {
  readonly #database: DatabaseSync;
  readonly #headFile: string;
  /** Looked at before the snapshot, so that each head found is of a row in it. */
  readonly #headWriters: Set<string>;

  /** @throws UnreadableRecordError */
  constructor(dataDir: string, headFile = headFileOf(dataDir)) {
    const file = join(dataDir, "record.db");
    if (!existsSync(file)) throw new UnreadableRecordError(`There is no record in ${dataDir}`);
    this.#headFile = headFile;
    this.#headWriters = readable(headFile, () => {
      const writers = new Set<string>();
      for (const { writer } of this.#heads()) writers.add(writer);
      return writers;
    });
    this.#database = readable(file, () => {
      const database = new DatabaseSync(file, { readOnly: true });
      const columns = database.prepare("SELECT name FROM pragma_table_info('audit')").all();
      if (columns.some(({ name }) => name === "hash")) return database;
      database.close();
      throw new UnreadableRecordError(`The record in ${dataDir} has no chain yet: a hub of this version makes one as it starts`);
    });
    this.#database.exec("BEGIN");
  }

  verify(): ChainReport[] {
    return this.#writers().map((writer) => {
      const heads = this.#heads();
      const check = new ChainCheck({ writer, hashOf, heads });
      for (const row of this.#rows(writer)) {
        check.take(row);
        if (check.fault) break;
      }
      const report = check.finish();
      heads.return(undefined);
      return report;
    });
  }

  heads(): AuditHead[] {
    return this.#writers().flatMap((writer) => {
      const row = this.#database
        .prepare("SELECT writer, sequence, hash FROM audit WHERE writer = ? ORDER BY sequence DESC LIMIT 1")
        .get(writer);
      return row ? [{ ...row } as unknown as AuditHead] : [];
    });
  }

  /** One line per row, oldest first. */
  *export({ sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER }: ExportRange): Generator<string, void> {
    for (const writer of this.#writers()) {
      // Everything between the first and the last row of that time, so that a clock set back makes no gap in the chain.
      const range = this.#database
        .prepare("SELECT min(sequence) AS first, max(sequence) AS last FROM audit WHERE writer = ? AND at_ms BETWEEN ? AND ?")
        .get(writer, sinceMs, untilMs);
      if (!range || range.first === null) continue;
      for (const row of this.#rows(writer, Number(range.first), Number(range.last))) yield exportRow(row);
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #writers(): string[] {
    const own = this.#database.prepare("SELECT DISTINCT writer FROM audit").all();
    return [...new Set([...own.map(({ writer }) => String(writer)), ...this.#headWriters])].toSorted();
  }

  *#rows(writer: string, first = Number.MIN_SAFE_INTEGER, last = Number.MAX_SAFE_INTEGER): Generator<ChainedRow, void> {
    const statement = this.#database.prepare("SELECT * FROM audit WHERE writer = ? AND sequence BETWEEN ? AND ? ORDER BY sequence");
    for (const row of statement.iterate(writer, first, last)) yield row as unknown as ChainedRow;
  }

  *#heads(): Generator<AuditHead, void> {
    if (existsSync(this.#headFile)) yield* readHeads(this.#headFile);
  }
}

/** An exported file: what is in it is held against itself, and against heads where there are some. @throws UnreadableRecordError */
export async function verifyExport(file: string, headFile?: string): Promise<ChainReport[]> {
  const checks = new Map<string, ChainCheck>();
  const checkOf = (writer: string) => {
    const check = new ChainCheck({ writer, hashOf, isPart: true, ...(headFile === undefined ? {} : { heads: readHeads(headFile) }) });
    checks.set(writer, check);
    return check;
  };
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      number += 1;
      const row = importRow(line);
      if (!row) throw new UnreadableRecordError(`${file}:${number} is not a row of an exported record`);
      (checks.get(row.writer) ?? checkOf(row.writer)).take(row);
    }
  } catch (error) {
    throw error instanceof UnreadableRecordError ? error : unreadable(file, error);
  }
  if (number === 0) throw new UnreadableRecordError(`${file} is empty`);
  return [...checks.values()].map((check) => check.finish());
}

function readable<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof UnreadableRecordError ? error : unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): UnreadableRecordError {
  return new UnreadableRecordError(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
