import { sql } from "kysely";
import type { Insertable, Kysely } from "kysely";
import type { VmDetail, VmEvent } from "#lib/api/vm";
import type { Fact } from "#lib/link/contract";
import type { Clock } from "../clock.ts";
import { EventLimit } from "./event-limit.ts";
import type { HistoryTables } from "./schema.ts";

const KEEP_EVENTS_MS = 7 * 24 * 3_600_000;
const KEEP_EVENTS_PER_VM = 20_000;
const KEEP_ENDED_MS = 24 * 3_600_000;
// SQLite takes 32,766 parameters in a statement; an event has nine.
const ROWS_PER_INSERT = 500;

type EventRow = Insertable<HistoryTables["events"]>;

/** A batch of facts as one bridge sent it. */
export interface ReceivedFacts {
  bridgeId: string;
  epoch: string;
  facts: readonly Fact[];
  /** Where the batch ends, when its last facts were malformed and are not among `facts`. */
  lastSeq?: number;
}

export interface EventsBetween {
  vmIds: readonly string[];
  fromMs: number;
  toMs: number;
  perVm: number;
}

/** What VMs did, and the last state of those that ended. A batch is one transaction and is stored once, however often it is sent. */
export class EventStore {
  readonly #db: Kysely<HistoryTables>;
  readonly #clock: Clock;
  readonly #limit: EventLimit;
  readonly #touched = new Set<string>();

  constructor(db: Kysely<HistoryTables>, clock: Clock, limit = new EventLimit()) {
    this.#db = db;
    this.#clock = clock;
    this.#limit = limit;
  }

  /** @returns what was stored, oldest first, and through which `seq` the bridge may forget. */
  async append({ bridgeId, epoch, facts, lastSeq = 0 }: ReceivedFacts): Promise<{ throughSeq: number; stored: VmEvent[] }> {
    const nowMs = this.#clock.nowMs();
    return this.#db.transaction().execute(async (transaction) => {
      const progress = await transaction
        .selectFrom("fact_progress")
        .select(["epoch", "through_seq"])
        .where("bridge_id", "=", bridgeId)
        .executeTakeFirst();
      const through = progress?.epoch === epoch ? progress.through_seq : 0;
      const fresh = facts.filter((fact) => fact.seq > through);
      const rows = fresh.flatMap((fact) => this.#admit(fact, nowMs));
      const stored = await insert(transaction, rows);
      const throughSeq = Math.max(through, lastSeq, fresh.at(-1)?.seq ?? 0);
      await transaction
        .insertInto("fact_progress")
        .values({ bridge_id: bridgeId, epoch, through_seq: throughSeq })
        .onConflict((conflict) => conflict.column("bridge_id").doUpdateSet({ epoch, through_seq: throughSeq }))
        .execute();
      return { throughSeq, stored };
    });
  }

  /** Tells of what was dropped in seconds that are over and after which nothing came. */
  async settle(): Promise<VmEvent[]> {
    const nowMs = this.#clock.nowMs();
    const rows = this.#limit.settle(nowMs).map(({ vmId, dropped }) => droppedRow(vmId, dropped, nowMs));
    return rows.length === 0 ? [] : insert(this.#db, rows);
  }

  /** Newest first. */
  async page({ vmId, before, limit }: { vmId?: string; before?: number; limit: number }): Promise<VmEvent[]> {
    const rows = await this.#db
      .selectFrom("events")
      .selectAll()
      .$if(vmId !== undefined, (query) => query.where("vm_id", "=", vmId ?? ""))
      .$if(before !== undefined, (query) => query.where("event_id", "<", before ?? 0))
      .orderBy("event_id", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => toEvent(row.event_id, row));
  }

  /** What each of these VMs did between two times: of each its newest `perVm`, oldest first. */
  async between({ vmIds, fromMs, toMs, perVm }: EventsBetween): Promise<VmEvent[]> {
    const events: VmEvent[] = [];
    for (const vmId of vmIds) {
      const rows = await this.#db
        .selectFrom("events")
        .selectAll()
        .where("vm_id", "=", vmId)
        .where("at_ms", ">=", fromMs)
        .where("at_ms", "<=", toMs)
        .orderBy("at_ms", "desc")
        .orderBy("event_id", "desc")
        .limit(perVm)
        .execute();
      for (const row of rows) events.push(toEvent(row.event_id, row));
    }
    return events.toSorted((left, right) => left.atMs - right.atMs || left.eventId - right.eventId);
  }

  async saveEnded(detail: VmDetail): Promise<void> {
    const row = { vm_id: detail.vmId, ended_at_ms: detail.endedAtMs ?? this.#clock.nowMs(), detail_json: JSON.stringify(detail) };
    await this.#db
      .insertInto("vms_ended")
      .values(row)
      .onConflict((conflict) => conflict.column("vm_id").doUpdateSet(row))
      .execute();
  }

  /** A VM that ended within the last 24 h. */
  async ended(vmId: string): Promise<VmDetail | undefined> {
    const row = await this.#db
      .selectFrom("vms_ended")
      .select("detail_json")
      .where("vm_id", "=", vmId)
      .where("ended_at_ms", ">", this.#clock.nowMs() - KEEP_ENDED_MS)
      .executeTakeFirst();
    return row && (JSON.parse(row.detail_json) as VmDetail);
  }

  /** Drops what is older than seven days, and of each VM that had events since the last time all but its newest 20,000. */
  async prune(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await this.#db
      .deleteFrom("events")
      .where("at_ms", "<", nowMs - KEEP_EVENTS_MS)
      .execute();
    await this.#db
      .deleteFrom("vms_ended")
      .where("ended_at_ms", "<", nowMs - KEEP_ENDED_MS)
      .execute();
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const vmId of touched) {
      await sql`DELETE FROM events WHERE vm_id = ${vmId} AND event_id <= (
        SELECT event_id FROM events WHERE vm_id = ${vmId} ORDER BY event_id DESC LIMIT 1 OFFSET ${KEEP_EVENTS_PER_VM})`.execute(this.#db);
    }
  }

  #admit(fact: Fact, nowMs: number): EventRow[] {
    if (fact.vmId === undefined) return [];
    this.#touched.add(fact.vmId);
    // By its own time: what a bridge kept while no hub listened arrives all at once, and did not happen at once.
    const atMs = nowMs - fact.ageMs;
    const { isAdmitted, droppedBefore } = this.#limit.admit(fact.vmId, atMs);
    const rows = droppedBefore > 0 ? [droppedRow(fact.vmId, droppedBefore, Math.round(atMs))] : [];
    return isAdmitted ? [...rows, rowOf(fact, fact.vmId, nowMs)] : rows;
  }
}

async function insert(db: Kysely<HistoryTables>, rows: EventRow[]): Promise<VmEvent[]> {
  const stored: VmEvent[] = [];
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const part = rows.slice(start, start + ROWS_PER_INSERT);
    const returned = await db.insertInto("events").values(part).returning("event_id").execute();
    // Rows are numbered in the order of VALUES; in which order RETURNING tells them is not promised.
    const ids = returned.map((row) => row.event_id).sort((left, right) => left - right);
    part.forEach((row, index) => stored.push(toEvent(ids[index] ?? 0, row)));
  }
  return stored;
}

function droppedRow(vmId: string, dropped: number, nowMs: number): EventRow {
  return {
    vm_id: vmId,
    at_ms: nowMs,
    kind: "dropped",
    title: `Dropped ${dropped} events`,
    text: "More came within a second than are stored",
    count: dropped,
  };
}

function rowOf(fact: Fact, vmId: string, nowMs: number): EventRow {
  const base = { vm_id: vmId, incarnation_id: fact.incarnationId ?? null, at_ms: Math.round(nowMs - fact.ageMs), kind: fact.kind };
  switch (fact.kind) {
    case "qmp-event":
      return {
        ...base,
        title: fact.name,
        data_json: fact.data === undefined ? null : JSON.stringify(fact.data),
        qemu_at_ms: fact.qemuAtMs ?? null,
        count: fact.count,
      };
    case "verdict":
      return { ...base, title: fact.to, text: fact.text, data_json: JSON.stringify({ from: fact.from, to: fact.to }), count: 1 };
    case "vm-appeared":
      return { ...base, title: "VM appeared", count: 1 };
    case "vm-ended":
      return { ...base, title: "VM ended", text: fact.reason, count: 1 };
    case "incarnation-changed":
      return { ...base, title: "Another process", text: fact.text, count: 1 };
    case "connection":
      return { ...base, title: "Connection", text: fact.text, count: 1 };
    case "dropped":
      return { ...base, title: `Dropped ${fact.count} events`, text: fact.text, count: fact.count };
  }
}

function toEvent(eventId: number, row: EventRow): VmEvent {
  return {
    eventId,
    vmId: row.vm_id,
    incarnationId: row.incarnation_id ?? undefined,
    atMs: row.at_ms,
    kind: row.kind as VmEvent["kind"],
    title: row.title,
    text: row.text ?? undefined,
    data: typeof row.data_json === "string" ? (JSON.parse(row.data_json) as unknown) : undefined,
    qemuAtMs: row.qemu_at_ms ?? undefined,
    count: row.count,
  };
}
