import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { Kysely, Selectable, Transaction } from "kysely";
import { NO_ROW_BEFORE } from "#lib/audit/chain";
import type { AuditHead, ChainedRow } from "#lib/audit/chain";
import type { AuditEvent, AuditRow } from "#lib/audit/events";
import type { Clock } from "../clock.ts";
import { chainRow } from "./audit-chain.ts";
import type { HeadFile } from "./audit-head.ts";
import { searchAudit } from "./audit-search.ts";
import type { AuditFilter, FoundRows } from "./audit-search.ts";
import type { RecordTables } from "./schema.ts";

/** Who did something, and from where. */
export interface Actor {
  who: string;
  /** The client's address. */
  from?: string;
}

/** What the hub does of its own accord. */
export const HUB_ACTOR: Actor = { who: "hub" };

export interface AuditLogOptions {
  /** Where the newest row is noted apart from the table; absent in tests that need none. */
  heads?: HeadFile;
  onHeadFailed?(error: unknown): void;
}

/**
 * Writes and reads the audit. One row per fact, never changed, in a gapless sequence per writer; the writer is this data
 * folder's own id, so that several hubs can one day share one table. Each row carries the hash of the one before it
 * (docs/decisions/0009), and behind a commit the newest one is noted in `audit-head`.
 */
export class AuditLog {
  readonly writer: string;
  readonly #db: Kysely<RecordTables>;
  readonly #clock: Clock;
  readonly #options: AuditLogOptions;
  /** Rows were written, or at least begun, since the head was noted last. */
  #isHeadDue = false;
  #notingHead: Promise<void> | undefined;
  #isHeadBehind = false;
  #isClosed = false;

  private constructor(db: Kysely<RecordTables>, clock: Clock, writer: string, options: AuditLogOptions) {
    this.#db = db;
    this.#clock = clock;
    this.writer = writer;
    this.#options = options;
  }

  static async open(db: Kysely<RecordTables>, clock: Clock, options: AuditLogOptions = {}): Promise<AuditLog> {
    await db
      .insertInto("meta")
      .values({ key: "writer", value: `hub-${randomBytes(6).toString("hex")}` })
      .onConflict((conflict) => conflict.column("key").doNothing())
      .execute();
    const { value } = await db.selectFrom("meta").select("value").where("key", "=", "writer").executeTakeFirstOrThrow();
    const log = new AuditLog(db, clock, value, options);
    await log.#compareWithHeads();
    return log;
  }

  /** On the disk when it returns. @throws when it could not be written; nothing then was. */
  async append(actor: Actor, ...events: AuditEvent[]): Promise<void> {
    await this.#db.transaction().execute((transaction) => this.appendIn(transaction, actor, ...events));
  }

  /** The same as a part of a larger transaction: it counts when that one is committed. */
  async appendIn(transaction: Transaction<RecordTables>, actor: Actor, ...events: AuditEvent[]): Promise<void> {
    let last: Pick<ChainedRow, "sequence" | "hash"> | undefined = await newestRow(transaction, this.writer);
    const rows = events.map((event) => {
      const row = chainRow(
        {
          writer: this.writer,
          sequence: (last?.sequence ?? 0) + 1,
          at_ms: Math.round(this.#clock.nowMs()),
          // SQLite would store half a character as another one, and the hash would not fit any more.
          who: actor.who.toWellFormed(),
          from_address: actor.from?.toWellFormed() ?? null,
          type: event.type,
          vm_id: vmIdOf(event)?.toWellFormed() ?? null,
          event_json: JSON.stringify(event),
        },
        last?.hash ?? NO_ROW_BEFORE,
      );
      last = row;
      return row;
    });
    await transaction.insertInto("audit").values(rows).execute();
    this.#headIsDue();
  }

  /** The newest row; undefined while there is none. */
  async head(): Promise<AuditHead | undefined> {
    return newestRow(this.#db, this.writer);
  }

  /** Whether the newest row could not be noted apart from the table; tried again with the next one. */
  get isHeadBehind(): boolean {
    return this.#isHeadBehind;
  }

  /** Lets go of the head's file once it is written. What is appended later is in the table alone. */
  async close(): Promise<void> {
    await this.#notingHead;
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#options.heads?.close();
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

  /** Newest first. A search looks at so many rows and says where it got to. */
  async page(filter: AuditFilter): Promise<FoundRows<AuditRow>> {
    const { rows, before } = await searchAudit(this.#db, this.writer, filter);
    return { rows: rows.map(toAuditRow), ...(before === undefined ? {} : { before }) };
  }

  /** Behind the transaction that is open now, whose rows may yet be rolled back; once for all that come in the meantime. */
  #headIsDue(): void {
    const { heads, onHeadFailed } = this.#options;
    if (!heads || this.#isClosed) return;
    this.#isHeadDue = true;
    this.#notingHead ??= this.#noteHeads(heads).then(
      () => {
        this.#isHeadBehind = false;
        this.#notingHead = undefined;
      },
      (error: unknown) => {
        this.#isHeadBehind = true;
        this.#notingHead = undefined;
        onHeadFailed?.(error);
      },
    );
  }

  async #noteHeads(heads: HeadFile): Promise<void> {
    while (this.#isHeadDue) {
      this.#isHeadDue = false;
      const head = await this.head();
      if (head) await heads.add(head);
    }
  }

  /** What an earlier run wrote down of itself, against what is in the table; what does not fit becomes a row. */
  async #compareWithHeads(): Promise<void> {
    const { heads } = this.#options;
    if (!heads) return;
    const newest = await newestRow(this.#db, this.writer);
    const { last } = heads;
    if (last?.writer !== this.writer) {
      // Before the first row: from then on a crash at any moment leaves rows that a head vouches for.
      await heads.add(newest ?? { writer: this.writer, sequence: 0, hash: NO_ROW_BEFORE });
      const hadNone = newest === undefined || newest.type === "audit-chained";
      if (!hadNone) await this.append(HUB_ACTOR, { type: "audit-head-begun", throughSequence: newest.sequence });
      return;
    }
    if (last.sequence === 0) return;
    const row = await this.#db
      .selectFrom("audit")
      .select("hash")
      .where("writer", "=", this.writer)
      .where("sequence", "=", last.sequence)
      .executeTakeFirst();
    if (row?.hash === last.hash) return;
    const lastSequence = row === undefined ? (newest?.sequence ?? 0) : last.sequence - 1;
    await this.append(HUB_ACTOR, { type: "audit-cut-off", lastSequence, headSequence: last.sequence, headHash: last.hash });
  }
}

async function newestRow(db: Kysely<RecordTables>, writer: string) {
  return db
    .selectFrom("audit")
    .select(["writer", "sequence", "hash", "type"])
    .where("writer", "=", writer)
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
}

function toAuditRow(row: Selectable<RecordTables["audit"]>): AuditRow {
  return {
    sequence: row.sequence,
    writer: row.writer,
    atMs: row.at_ms,
    who: row.who,
    ...(row.from_address === null ? {} : { from: row.from_address }),
    hash: row.hash,
    event: JSON.parse(row.event_json) as AuditEvent,
  };
}

function vmIdOf(event: AuditEvent): string | null {
  if ("vmId" in event) return event.vmId;
  if (event.type === "plan-made") return event.plan.targets.length === 1 ? (event.plan.targets[0]?.vmId ?? null) : null;
  if (event.type === "plan-refused") return event.vmIds.length === 1 ? (event.vmIds[0] ?? null) : null;
  return null;
}
