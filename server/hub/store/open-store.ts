import { chmodSync } from "node:fs";
import { join } from "node:path";
import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { MigrationProvider } from "kysely/migration";
import { lockFolder } from "./folder-lock.ts";
import { historyMigrations, recordMigrations } from "./migrations.ts";
import { nodeSqliteDialect } from "./node-sqlite.ts";
import type { SqliteOptions } from "./node-sqlite.ts";
import type { HistoryTables, RecordTables } from "./schema.ts";

/** Two databases, because they make two promises: the record is on the disk when it says so, the history soon after. */
export interface Store {
  record: Kysely<RecordTables>;
  history: Kysely<HistoryTables>;
  /** Really writes to the record. @throws when it cannot */
  beat(nowMs: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Locks the folder for this hub, opens, or makes, the databases below `dataDir` and brings their tables up to date.
 * `onError` hears of every statement that failed.
 * @throws FolderInUseError, or whatever SQLite says when the folder cannot be written or a file is no database.
 */
export async function openStore(dataDir: string, onError?: (database: "record" | "history") => void): Promise<Store> {
  const unlock = lockFolder(dataDir);
  try {
    return await openBoth(dataDir, unlock, onError);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function openBoth(dataDir: string, unlock: () => void, onError: Parameters<typeof openStore>[1]): Promise<Store> {
  const record = await openDatabase<RecordTables>(join(dataDir, "record.db"), recordMigrations, {
    synchronous: "FULL",
    onError: () => onError?.("record"),
  });
  const history = await openDatabase<HistoryTables>(join(dataDir, "history.db"), historyMigrations, {
    synchronous: "NORMAL",
    onError: () => onError?.("history"),
  });
  return {
    record,
    history,
    async beat(nowMs) {
      const value = String(nowMs);
      await record
        .insertInto("meta")
        .values({ key: "beat", value })
        .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
        .execute();
    },
    async close() {
      await record.destroy();
      await history.destroy();
      unlock();
    },
  };
}

async function openDatabase<Tables>(file: string, provider: MigrationProvider, options: SqliteOptions): Promise<Kysely<Tables>> {
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(file, options) });
  chmodSync(file, 0o600);
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw new Error(`The tables of ${file} cannot be brought up to date`, { cause: error });
  }
  return db;
}
