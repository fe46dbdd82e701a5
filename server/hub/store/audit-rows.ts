import type { Kysely } from "kysely";
import type { ChainedRow } from "#lib/audit/chain";
import type { RecordTables } from "./schema.ts";

/** Rows of a writer as they are stored, oldest first, behind a sequence. */
export function rowsBehind(db: Kysely<RecordTables>, writer: string, sequence: number, limit: number): Promise<ChainedRow[]> {
  return db
    .selectFrom("audit")
    .selectAll()
    .where("writer", "=", writer)
    .where("sequence", ">", sequence)
    .orderBy("sequence")
    .limit(limit)
    .execute();
}
