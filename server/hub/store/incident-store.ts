import type { Kysely } from "kysely";
import type { Incident, IncidentMember, IncidentNote, IncidentState, IncidentSummary, TimelineEntry } from "#lib/incident/incident";
import type { ResolvedBefore } from "#lib/incident/recently-resolved";
import type { Actor, AuditLog } from "./audit-log.ts";
import type { RecordTables } from "./schema.ts";

/** Beyond so many that are over, the oldest go. */
const KEEP_RESOLVED = 10_000;
const ROWS_PER_INSERT = 500;

/** What changed of one incident since it was last written. */
export interface IncidentChange {
  summary: IncidentSummary;
  members: IncidentMember[];
  entries: TimelineEntry[];
}

/** Incidents, their members, notes and what befell them. They stand in the record, because people write in them and act by them. */
export class IncidentStore {
  readonly #db: Kysely<RecordTables>;
  readonly #audit: AuditLog;

  constructor(db: Kysely<RecordTables>, audit: AuditLog) {
    this.#db = db;
    this.#audit = audit;
  }

  /** All of it or nothing. @throws when it could not be written. */
  async save(changes: readonly IncidentChange[]): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      for (const { summary, members, entries } of changes) {
        const { incidentId } = summary;
        const row = {
          incident_id: incidentId,
          number: summary.number,
          state: summary.state,
          cause_key: summary.cause.key,
          opened_at_ms: summary.openedAtMs,
          resolved_at_ms: summary.resolvedAtMs ?? null,
          resolved_by: summary.resolvedBy ?? null,
          summary_json: JSON.stringify(summary),
        };
        await transaction
          .insertInto("incidents")
          .values(row)
          .onConflict((conflict) => conflict.column("incident_id").doUpdateSet(row))
          .execute();
        for (const part of parts(members)) {
          await transaction
            .insertInto("incident_members")
            .values(
              part.map((member) => ({
                incident_id: incidentId,
                vm_id: member.vmId,
                is_in_trouble: member.isInTrouble ? 1 : 0,
                member_json: JSON.stringify(member),
              })),
            )
            .onConflict((conflict) =>
              conflict.columns(["incident_id", "vm_id"]).doUpdateSet((set) => ({
                is_in_trouble: set.ref("excluded.is_in_trouble"),
                member_json: set.ref("excluded.member_json"),
              })),
            )
            .execute();
        }
        for (const part of parts(entries)) {
          await transaction
            .insertInto("incident_entries")
            .values(part.map((entry) => ({ incident_id: incidentId, at_ms: entry.atMs, entry_json: JSON.stringify(entry) })))
            .execute();
        }
      }
    });
  }

  /** What an earlier run left open or mitigated, with members and notes. */
  async active(): Promise<Incident[]> {
    const rows = await this.#db
      .selectFrom("incidents")
      .select(["incident_id", "summary_json"])
      .where("state", "!=", "resolved" satisfies IncidentState)
      .orderBy("number")
      .execute();
    const incidents: Incident[] = [];
    for (const row of rows) incidents.push(await this.#whole(row.incident_id, JSON.parse(row.summary_json) as IncidentSummary));
    return incidents;
  }

  async incident(incidentId: string): Promise<Incident | undefined> {
    const row = await this.#db.selectFrom("incidents").select("summary_json").where("incident_id", "=", incidentId).executeTakeFirst();
    return row && this.#whole(incidentId, JSON.parse(row.summary_json) as IncidentSummary);
  }

  /** Those that are over, newest first. */
  async resolved({ before, limit }: { before?: number; limit: number }): Promise<IncidentSummary[]> {
    const rows = await this.#db
      .selectFrom("incidents")
      .select("summary_json")
      .where("state", "=", "resolved" satisfies IncidentState)
      .$if(before !== undefined, (query) => query.where("number", "<", before ?? 0))
      .orderBy("number", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => JSON.parse(row.summary_json) as IncidentSummary);
  }

  /** What a new incident may continue: resolved since then, oldest first. */
  async resolvedSince(sinceMs: number): Promise<ResolvedBefore[]> {
    const rows = await this.#db
      .selectFrom("incidents")
      .innerJoin("incident_members", "incident_members.incident_id", "incidents.incident_id")
      .select(["incidents.incident_id", "cause_key", "resolved_at_ms", "resolved_by", "vm_id", "is_in_trouble"])
      .where("state", "=", "resolved" satisfies IncidentState)
      .where("resolved_at_ms", ">=", sinceMs)
      .orderBy("resolved_at_ms")
      .orderBy("number")
      .execute();
    const byIncident = Map.groupBy(rows, (row) => row.incident_id);
    return Array.from(byIncident, ([incidentId, ofIt]) => ({
      incidentId,
      causeKey: ofIt[0]?.cause_key ?? "",
      resolvedAtMs: ofIt[0]?.resolved_at_ms ?? 0,
      members: ofIt.map((row) => ({ vmId: row.vm_id, isInTrouble: row.is_in_trouble === 1 })),
    }));
  }

  /** Greater than any that was ever written. */
  async nextNumber(): Promise<number> {
    const row = await this.#db
      .selectFrom("incidents")
      .select((select) => select.fn.max("number").as("number"))
      .executeTakeFirst();
    return (row?.number ?? 0) + 1;
  }

  async notes(incidentId: string): Promise<IncidentNote[]> {
    const rows = await this.#db
      .selectFrom("incident_notes")
      .selectAll()
      .where("incident_id", "=", incidentId)
      .orderBy("at_ms")
      .orderBy("note_id")
      .execute();
    return rows.map(({ note_id, at_ms, who, text }) => ({ noteId: note_id, atMs: at_ms, who, text }));
  }

  async noteCount(incidentId: string): Promise<number> {
    const row = await this.#db
      .selectFrom("incident_notes")
      .select((select) => select.fn.countAll<number>().as("count"))
      .where("incident_id", "=", incidentId)
      .executeTakeFirst();
    return row?.count ?? 0;
  }

  /** What befell the incident itself, oldest first; of more than `limit` the newest. */
  async entries(incidentId: string, limit: number): Promise<TimelineEntry[]> {
    const rows = await this.#db
      .selectFrom("incident_entries")
      .select("entry_json")
      .where("incident_id", "=", incidentId)
      .orderBy("entry_id", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => JSON.parse(row.entry_json) as TimelineEntry).toReversed();
  }

  /** In one transaction with the audit row that tells it. @throws when it could not be written. */
  async addNote(incidentId: string, note: IncidentNote, actor: Actor): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto("incident_notes")
        .values({ note_id: note.noteId, incident_id: incidentId, at_ms: note.atMs, who: note.who, text: note.text })
        .execute();
      await this.#audit.appendIn(transaction, actor, { type: "incident-noted", incidentId, noteId: note.noteId, text: note.text });
    });
  }

  /** Of those that are over, drops all but the newest ten thousand; the audit keeps the notes and acts. */
  async prune(): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const old = transaction
        .selectFrom("incidents")
        .select("incident_id")
        .where("state", "=", "resolved" satisfies IncidentState)
        .orderBy("number", "desc")
        .limit(1_000)
        .offset(KEEP_RESOLVED);
      const rows = await old.execute();
      const ids = rows.map((row) => row.incident_id);
      if (ids.length === 0) return;
      for (const table of ["incident_members", "incident_entries", "incident_notes", "incidents"] as const) {
        await transaction.deleteFrom(table).where("incident_id", "in", ids).execute();
      }
    });
  }

  async #whole(incidentId: string, summary: IncidentSummary): Promise<Incident> {
    const rows = await this.#db.selectFrom("incident_members").select("member_json").where("incident_id", "=", incidentId).execute();
    const { hosts, noteCount, ...rest } = summary;
    void [hosts, noteCount];
    return {
      ...rest,
      members: rows.map((row) => JSON.parse(row.member_json) as IncidentMember),
      notes: await this.notes(incidentId),
    };
  }
}

function* parts<Row>(rows: readonly Row[]): Generator<Row[]> {
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) yield rows.slice(start, start + ROWS_PER_INSERT);
}
