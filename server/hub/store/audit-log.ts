import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { Kysely, Selectable, Transaction } from "kysely";
import type { AuditEvent, AuditRow } from "#lib/audit/events";
import type { Clock } from "../clock.ts";
import type { RecordTables } from "./schema.ts";

/** Who did something, and from where. */
export interface Actor {
  who: string;
  /** The client's address. */
  from?: string;
}

/** What the hub does of its own accord. */
export const HUB_ACTOR: Actor = { who: "hub" };

export interface AuditPage {
  vmId?: string;
  /** Only rows older than this sequence. */
  before?: number;
  limit: number;
}

/**
 * Writes and reads the audit. One row per fact, never changed, in a gapless sequence per writer; the writer is this data
 * folder's own id, so that several hubs can one day share one table.
 */
export class AuditLog {
  readonly writer: string;
  readonly #db: Kysely<RecordTables>;
  readonly #clock: Clock;

  private constructor(db: Kysely<RecordTables>, clock: Clock, writer: string) {
    this.#db = db;
    this.#clock = clock;
    this.writer = writer;
  }

  static async open(db: Kysely<RecordTables>, clock: Clock): Promise<AuditLog> {
    await db
      .insertInto("meta")
      .values({ key: "writer", value: `hub-${randomBytes(6).toString("hex")}` })
      .onConflict((conflict) => conflict.column("key").doNothing())
      .execute();
    const { value } = await db.selectFrom("meta").select("value").where("key", "=", "writer").executeTakeFirstOrThrow();
    return new AuditLog(db, clock, value);
  }

  /** On the disk when it returns. @throws when it could not be written; nothing then was. */
  async append(actor: Actor, ...events: AuditEvent[]): Promise<void> {
    await this.#db.transaction().execute((transaction) => this.appendIn(transaction, actor, ...events));
  }

  /** The same as a part of a larger transaction: it counts when that one is committed. */
  async appendIn(transaction: Transaction<RecordTables>, actor: Actor, ...events: AuditEvent[]): Promise<void> {
    const newest = await transaction
      .selectFrom("audit")
      .select((select) => select.fn.max("sequence").as("sequence"))
      .where("writer", "=", this.writer)
      .executeTakeFirst();
    const first = (newest?.sequence ?? 0) + 1;
    await transaction
      .insertInto("audit")
      .values(
        events.map((event, index) => ({
          writer: this.writer,
          sequence: first + index,
          at_ms: this.#clock.nowMs(),
          who: actor.who,
          from_address: actor.from ?? null,
          type: event.type,
          vm_id: vmIdOf(event),
          event_json: JSON.stringify(event),
        })),
      )
      .execute();
  }

  /** What became of acts on these VMs since then, oldest first: no intents, which carry the evidence. */
  async actSteps(vmIds: readonly string[], fromMs: number, limit: number): Promise<AuditRow[]> {
    const rows = await this.#db
      .selectFrom("audit")
      .selectAll()
      .where("vm_id", "in", sql<string>`(SELECT value FROM json_each(${JSON.stringify(vmIds)}))`)
      .where("type", "in", ["act-progressed", "act-amended"])
      .where("at_ms", ">=", fromMs)
      .orderBy("sequence", "desc")
      .limit(limit)
      .execute();
    return rows.map(toAuditRow).toReversed();
  }

  /** The intents of one act, with the evidence that was stored before it. */
  async intentsOf(actId: string, vmIds: readonly string[]): Promise<AuditRow[]> {
    const rows = await this.#db
      .selectFrom("audit")
      .selectAll()
      .where("vm_id", "in", sql<string>`(SELECT value FROM json_each(${JSON.stringify(vmIds)}))`)
      .where("type", "=", "act-intended")
      .where(sql<string>`json_extract(event_json, '$.actId')`, "=", actId)
      .orderBy("sequence")
      .execute();
    return rows.map(toAuditRow);
  }

  /** Newest first. */
  async page({ vmId, before, limit }: AuditPage): Promise<AuditRow[]> {
    const rows = await this.#db
      .selectFrom("audit")
      .selectAll()
      .$if(vmId !== undefined, (query) => query.where("vm_id", "=", vmId ?? ""))
      .$if(before !== undefined, (query) => query.where("sequence", "<", before ?? 0))
      .orderBy("sequence", "desc")
      .limit(limit)
      .execute();
    return rows.map(toAuditRow);
  }
}

function toAuditRow(row: Selectable<RecordTables["audit"]>): AuditRow {
  return {
    sequence: row.sequence,
    writer: row.writer,
    atMs: row.at_ms,
    who: row.who,
    ...(row.from_address === null ? {} : { from: row.from_address }),
    event: JSON.parse(row.event_json) as AuditEvent,
  };
}

function vmIdOf(event: AuditEvent): string | null {
  if ("vmId" in event) return event.vmId;
  if (event.type === "plan-made") return event.plan.targets.length === 1 ? (event.plan.targets[0]?.vmId ?? null) : null;
  if (event.type === "plan-refused") return event.vmIds.length === 1 ? (event.vmIds[0] ?? null) : null;
  return null;
}
