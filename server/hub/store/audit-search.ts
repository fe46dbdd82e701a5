import { sql } from "kysely";
import type { Kysely, SelectQueryBuilder } from "kysely";
import type { ChainedRow } from "#lib/audit/chain";
import type { RecordTables } from "./schema.ts";

export interface AuditFilter {
  vmId?: string;
  type?: string;
  /** A part of who did it, or from where. */
  who?: string;
  /** Words that all stand somewhere in the row. */
  q?: string;
  sinceMs?: number;
  untilMs?: number;
  /** Only rows older than this sequence. */
  before?: number;
  limit: number;
}

/** `before`, where there may be more: what to ask for next. */
export interface FoundRows<Row> {
  rows: Row[];
  before?: number;
}

// Text is found by looking at rows, and evidence is long: so many at once, so many per question, others in between.
const WINDOW_ROWS = 500;
const MAX_WINDOWS = 20;
const MAX_WORDS = 8;

type AuditQuery = SelectQueryBuilder<RecordTables, "audit", ChainedRow>;

/** The newest rows of a writer that fit. By VM, type and time through indexes; text by windows of the newest rows first. */
export async function searchAudit(db: Kysely<RecordTables>, writer: string, filter: AuditFilter): Promise<FoundRows<ChainedRow>> {
  const { q, who, limit } = filter;
  const range = await rangeOf(db, writer, filter);
  if (!range) return { rows: [] };
  const select = (from: number, below: number) =>
    narrow(db.selectFrom("audit").selectAll().where("writer", "=", writer), filter)
      .where("sequence", ">=", from)
      .where("sequence", "<", below);
  if (q === undefined && who === undefined) {
    const rows = await newest(select(range.from, range.below), limit);
    return rows.length < limit ? { rows } : { rows, before: rows.at(-1)?.sequence };
  }
  const rows: ChainedRow[] = [];
  let below = range.below;
  for (let window = 0; window < MAX_WINDOWS && below > range.from; window += 1) {
    if (window > 0) await new Promise((resolve) => setImmediate(resolve));
    const from = Math.max(range.from, below - WINDOW_ROWS);
    rows.push(...(await newest(select(from, below), limit - rows.length)));
    below = from;
    if (rows.length >= limit) return { rows, before: rows.at(-1)?.sequence };
  }
  return below > range.from ? { rows, before: below } : { rows };
}

function newest(query: AuditQuery, limit: number): Promise<ChainedRow[]> {
  return query.orderBy("sequence", "desc").limit(limit).execute();
}

function narrow(query: AuditQuery, { vmId, type, who, q, sinceMs, untilMs }: AuditFilter): AuditQuery {
  const words = (q ?? "").split(/\s+/).filter(Boolean).slice(0, MAX_WORDS);
  const narrowed = query
    .$if(vmId !== undefined, (some) => some.where("vm_id", "=", vmId ?? ""))
    .$if(type !== undefined, (some) => some.where("type", "=", type ?? ""))
    .$if(sinceMs !== undefined, (some) => some.where("at_ms", ">=", sinceMs ?? 0))
    .$if(untilMs !== undefined, (some) => some.where("at_ms", "<=", untilMs ?? 0))
    .$if(who !== undefined, (some) =>
      some.where(sql<boolean>`who || ' ' || coalesce(from_address, '') LIKE ${containing(who ?? "")} ESCAPE '\\'`),
    );
  const text = sql<string>`who || ' ' || type || ' ' || event_json`;
  return words.reduce((some, word) => some.where(sql<boolean>`${text} LIKE ${containing(word)} ESCAPE '\\'`), narrowed);
}

function containing(words: string): string {
  return `%${words.replace(/[\\%_]/g, "\\$&")}%`;
}

/** Between which sequences to look: times are indexed, and clocks may have gone backwards. */
async function rangeOf(db: Kysely<RecordTables>, writer: string, { before, sinceMs, untilMs }: AuditFilter) {
  const query = db
    .selectFrom("audit")
    .where("writer", "=", writer)
    .$if(sinceMs !== undefined, (some) => some.where("at_ms", ">=", sinceMs ?? 0))
    .$if(untilMs !== undefined, (some) => some.where("at_ms", "<=", untilMs ?? 0));
  // Two questions, because SQLite answers each of them from the end of an index, and both at once by reading all of it.
  const { first } = await query.select((select) => select.fn.min<number | null>("sequence").as("first")).executeTakeFirstOrThrow();
  const { last } = await query.select((select) => select.fn.max<number | null>("sequence").as("last")).executeTakeFirstOrThrow();
  if (first === null || last === null) return undefined;
  return { from: first, below: Math.min(last + 1, before ?? Number.MAX_SAFE_INTEGER) };
}
