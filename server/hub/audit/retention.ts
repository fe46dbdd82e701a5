import type { Kysely } from "kysely";
import { HUB_ACTOR } from "../store/audit-log.ts";
import type { AuditLog } from "../store/audit-log.ts";
import type { RecordTables } from "../store/schema.ts";

const DAY_MS = 24 * 3_600_000;
/** How many rows one transaction drops: nobody waits for a longer one. */
const DROPPED_AT_ONCE = 500;

/**
 * Drops the rows older than `keepDays` from the start of the record. First a checkpoint is written that names the first row
 * kept and the hash it stands behind: only what it gave up can be dropped, and what is left verifies from it. A hub that
 * ends in between leaves rows that nobody needs any more; the next call drops them. Not while the record is verified.
 */
export async function pruneAudit(db: Kysely<RecordTables>, audit: AuditLog, { keepDays, nowMs }: { keepDays: number; nowMs: number }) {
  await dropGivenUp(db, audit.writer);
  const kept = await db
    .selectFrom("audit")
    .select(["sequence", "previous_hash"])
    .where("writer", "=", audit.writer)
    .where((where) =>
      // The newest row stays whatever its age: the chain goes on from it.
      where.or([where("at_ms", ">=", nowMs - keepDays * DAY_MS), where("sequence", "=", newestSequence(db, audit.writer))]),
    )
    .orderBy("sequence")
    .limit(1)
    .executeTakeFirst();
  const first = await db
    .selectFrom("audit")
    .select(["sequence", "at_ms"])
    .where("writer", "=", audit.writer)
    .orderBy("sequence")
    .limit(1)
    .executeTakeFirst();
  // A day at a time: each checkpoint is a row, too.
  if (!kept || !first || kept.sequence <= first.sequence || first.at_ms > nowMs - (keepDays + 1) * DAY_MS) return;
  await audit.append(HUB_ACTOR, {
    type: "audit-pruned",
    firstKept: kept.sequence,
    chainsFrom: kept.previous_hash,
    dropped: kept.sequence - first.sequence,
    keepDays,
  });
  await dropGivenUp(db, audit.writer);
}

function newestSequence(db: Kysely<RecordTables>, writer: string) {
  return db
    .selectFrom("audit")
    .select((select) => select.fn.max("sequence").as("sequence"))
    .where("writer", "=", writer);
}

async function dropGivenUp(db: Kysely<RecordTables>, writer: string): Promise<void> {
  const checkpoint = await db
    .selectFrom("audit")
    .select("event_json")
    .where("writer", "=", writer)
    .where("type", "=", "audit-pruned")
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  if (!checkpoint) return;
  const { firstKept } = JSON.parse(checkpoint.event_json) as { firstKept: number };
  for (;;) {
    const some = await db
      .selectFrom("audit")
      .select("sequence")
      .where("writer", "=", writer)
      .where("sequence", "<", firstKept)
      .orderBy("sequence")
      .limit(DROPPED_AT_ONCE)
      .execute();
    const last = some.at(-1);
    if (!last) return;
    await db.deleteFrom("audit").where("writer", "=", writer).where("sequence", "<=", last.sequence).execute();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
