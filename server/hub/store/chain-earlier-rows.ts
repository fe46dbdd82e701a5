import { sql } from "kysely";
import type { Kysely } from "kysely";
import { NO_ROW_BEFORE } from "#lib/audit/chain";
import type { ChainedRow } from "#lib/audit/chain";
import { chainRow } from "./audit-chain.ts";
import type { RecordTables } from "./schema.ts";

const ROWS_AT_ONCE = 500;

/**
 * Chains an audit from before there was a chain, and says in a row of each writer up to where: those rows are held from now
 * on, and prove nothing of the time before. One transaction of its own, because a migration has none on SQLite: it is done
 * or not, and may be begun again.
 */
export async function chainEarlierRows(db: Kysely<unknown>): Promise<void> {
  const { rows: columns } = await sql<{ name: string }>`SELECT name FROM pragma_table_info('audit')`.execute(db);
  if (columns.some(({ name }) => name === "hash")) return;
  await (db as Kysely<RecordTables>).transaction().execute(async (transaction) => {
    await sql`DROP TRIGGER audit_refuses_update`.execute(transaction);
    await sql`DROP TRIGGER audit_refuses_delete`.execute(transaction);
    for (const column of ["previous_hash", "hash"]) {
      await sql`ALTER TABLE audit ADD COLUMN ${sql.ref(column)} TEXT NOT NULL DEFAULT ''`.execute(transaction);
    }
    for (const column of ["type", "vm_id", "at_ms"]) {
      const name = sql.ref(`audit_of_writer_by_${column}`);
      await sql`CREATE INDEX ${name} ON audit (writer, ${sql.ref(column)}, sequence)`.execute(transaction);
    }
    const writers = await transaction.selectFrom("audit").select("writer").distinct().execute();
    for (const { writer } of writers) await chainWriter(transaction, writer);
    await sql`CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END`.execute(transaction);
    // What may be dropped stands in the audit itself first, where it cannot be taken back.
    await sql`CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit
      WHEN OLD.sequence >= coalesce((SELECT json_extract(event_json, '$.firstKept') FROM audit
        WHERE writer = OLD.writer AND type = 'audit-pruned' ORDER BY sequence DESC LIMIT 1), 0)
      BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END`.execute(transaction);
  });
}

async function chainWriter(db: Kysely<RecordTables>, writer: string): Promise<void> {
  let last: Pick<ChainedRow, "sequence" | "hash"> = { sequence: 0, hash: NO_ROW_BEFORE };
  for (;;) {
    const rows = await db
      .selectFrom("audit")
      .selectAll()
      .where("writer", "=", writer)
      .where("sequence", ">", last.sequence)
      .orderBy("sequence")
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const row of rows) {
      const { sequence, previous_hash, hash } = chainRow(row, last.hash);
      await db.updateTable("audit").set({ previous_hash, hash }).where("writer", "=", writer).where("sequence", "=", sequence).execute();
      last = { sequence, hash };
    }
    if (rows.length < ROWS_AT_ONCE) break;
  }
  const event = { type: "audit-chained", throughSequence: last.sequence } as const;
  const row = { writer, sequence: last.sequence + 1, at_ms: Date.now(), who: "hub", from_address: null, type: event.type, vm_id: null };
  await db
    .insertInto("audit")
    .values(chainRow({ ...row, event_json: JSON.stringify(event) }, last.hash))
    .execute();
}
