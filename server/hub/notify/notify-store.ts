import type { Kysely } from "kysely";
import type { HistoryTables } from "../store/schema.ts";

/** A message that waits to be delivered. Its id is what receivers tell a repetition by. */
export interface OutboxEntry {
  entryId: string;
  target: string;
  event: string;
  body: string;
  createdAtMs: number;
}

/** What a receiver was told of an incident; undefined: it needs to be told nothing more. */
export interface ToldChange {
  incidentId: string;
  told: unknown;
}

/** What has to outlive the hub: messages under way, and what each receiver was told. In the history: it is no record. */
export class NotifyStore {
  readonly #db: Kysely<HistoryTables>;

  constructor(db: Kysely<HistoryTables>) {
    this.#db = db;
  }

  /** Oldest first. */
  async load(target: string): Promise<{ entries: OutboxEntry[]; told: { incidentId: string; told: unknown }[] }> {
    const entries = await this.#db.selectFrom("notify_outbox").selectAll().where("target", "=", target).orderBy("position").execute();
    const told = await this.#db.selectFrom("notify_told").selectAll().where("target", "=", target).execute();
    return {
      entries: entries.map((row) => ({
        entryId: row.entry_id,
        target: row.target,
        event: row.event,
        body: row.body,
        createdAtMs: row.created_at_ms,
      })),
      told: told.map((row) => ({ incidentId: row.incident_id, told: JSON.parse(row.told_json) as unknown })),
    };
  }

  /** A message and what it tells stand there together or not at all. */
  async save(target: string, changes: readonly ToldChange[], entry?: OutboxEntry): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      if (entry) {
        const { entryId, event, body, createdAtMs } = entry;
        await transaction
          .insertInto("notify_outbox")
          .values({ entry_id: entryId, target, event, body, created_at_ms: createdAtMs })
          .execute();
      }
      for (const { incidentId, told } of changes) {
        await transaction.deleteFrom("notify_told").where("target", "=", target).where("incident_id", "=", incidentId).execute();
        if (told === undefined) continue;
        await transaction
          .insertInto("notify_told")
          .values({ target, incident_id: incidentId, told_json: JSON.stringify(told) })
          .execute();
      }
    });
  }

  async forget(entryId: string): Promise<void> {
    await this.#db.deleteFrom("notify_outbox").where("entry_id", "=", entryId).execute();
  }

  /** What is left of receivers that the config no longer names. */
  async keepOnly(targets: readonly string[]): Promise<void> {
    const names = targets.length === 0 ? [""] : targets;
    await this.#db.deleteFrom("notify_outbox").where("target", "not in", names).execute();
    await this.#db.deleteFrom("notify_told").where("target", "not in", names).execute();
  }
}
