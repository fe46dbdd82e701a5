import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { Migration, MigrationProvider } from "kysely/migration";
import { chainEarlierRows } from "./chain-earlier-rows.ts";

/** The migrations of the record: what was done and by whom. Never edited once released: add another one. */
export const recordMigrations: MigrationProvider = provide({
  "0001-first": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("audit")
        .addColumn("writer", "text", (column) => column.notNull())
        .addColumn("sequence", "integer", (column) => column.notNull())
        .addColumn("at_ms", "integer", (column) => column.notNull())
        .addColumn("who", "text", (column) => column.notNull())
        .addColumn("from_address", "text")
        .addColumn("type", "text", (column) => column.notNull())
        .addColumn("vm_id", "text")
        .addColumn("event_json", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("audit_key", ["writer", "sequence"])
        .execute();
      await db.schema.createIndex("audit_by_vm").on("audit").columns(["vm_id", "sequence"]).execute();
      for (const verb of ["UPDATE", "DELETE"]) {
        await sql`CREATE TRIGGER ${sql.raw(`audit_refuses_${verb.toLowerCase()}`)} BEFORE ${sql.raw(verb)} ON audit
          BEGIN SELECT RAISE(ABORT, 'the audit is insert-only'); END`.execute(db);
      }
      await db.schema
        .createTable("plans")
        .addColumn("plan_id", "text", (column) => column.primaryKey())
        .addColumn("created_at_ms", "integer", (column) => column.notNull())
        .addColumn("expires_at_ms", "integer", (column) => column.notNull())
        .addColumn("plan_json", "text", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("acts")
        .addColumn("act_id", "text", (column) => column.primaryKey())
        .addColumn("plan_id", "text", (column) => column.notNull().unique())
        .addColumn("created_at_ms", "integer", (column) => column.notNull())
        .addColumn("who", "text", (column) => column.notNull())
        .addColumn("reason", "text")
        .addColumn("action", "text", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("act_targets")
        .addColumn("act_id", "text", (column) => column.notNull().references("acts.act_id"))
        .addColumn("vm_id", "text", (column) => column.notNull())
        .addColumn("position", "integer", (column) => column.notNull())
        .addColumn("bridge_id", "text", (column) => column.notNull())
        .addColumn("is_intended", "integer", (column) => column.notNull())
        .addColumn("is_final", "integer", (column) => column.notNull())
        .addColumn("target_json", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("act_targets_key", ["act_id", "vm_id"])
        .execute();
      await db.schema.createIndex("act_targets_by_vm").on("act_targets").column("vm_id").execute();
      await sql`CREATE INDEX act_targets_open ON act_targets (act_id) WHERE is_final = 0`.execute(db);
      await db.schema
        .createTable("meta")
        .addColumn("key", "text", (column) => column.primaryKey())
        .addColumn("value", "text", (column) => column.notNull())
        .execute();
    },
  },
  "0002-void-plans": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("plans").addColumn("void_json", "text").execute();
    },
  },
  "0003-incidents": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("acts").addColumn("incident_id", "text").execute();
      await db.schema.createIndex("acts_by_incident").on("acts").column("incident_id").execute();
      await db.schema.createIndex("acts_by_time").on("acts").column("created_at_ms").execute();
      await db.schema
        .createTable("incidents")
        .addColumn("incident_id", "text", (column) => column.primaryKey())
        .addColumn("number", "integer", (column) => column.notNull().unique())
        .addColumn("state", "text", (column) => column.notNull())
        .addColumn("cause_key", "text", (column) => column.notNull())
        .addColumn("opened_at_ms", "integer", (column) => column.notNull())
        .addColumn("resolved_at_ms", "integer")
        .addColumn("resolved_by", "text")
        .addColumn("summary_json", "text", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("incidents_by_state").on("incidents").columns(["state", "number"]).execute();
      await db.schema
        .createTable("incident_members")
        .addColumn("incident_id", "text", (column) => column.notNull().references("incidents.incident_id"))
        .addColumn("vm_id", "text", (column) => column.notNull())
        .addColumn("is_in_trouble", "integer", (column) => column.notNull())
        .addColumn("member_json", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("incident_members_key", ["incident_id", "vm_id"])
        .execute();
      await db.schema
        .createTable("incident_notes")
        .addColumn("note_id", "text", (column) => column.primaryKey())
        .addColumn("incident_id", "text", (column) => column.notNull())
        .addColumn("at_ms", "integer", (column) => column.notNull())
        .addColumn("who", "text", (column) => column.notNull())
        .addColumn("text", "text", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("incident_notes_by_incident").on("incident_notes").columns(["incident_id", "at_ms"]).execute();
      await db.schema
        .createTable("incident_entries")
        .addColumn("entry_id", "integer", (column) => column.primaryKey().autoIncrement())
        .addColumn("incident_id", "text", (column) => column.notNull().references("incidents.incident_id"))
        .addColumn("at_ms", "integer", (column) => column.notNull())
        .addColumn("entry_json", "text", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("incident_entries_by_incident").on("incident_entries").columns(["incident_id", "entry_id"]).execute();
    },
  },
  "0004-audit-chain": { up: chainEarlierRows },
});

/** The migrations of the history: what VMs did. It may be thrown away without losing who did what. */
export const historyMigrations: MigrationProvider = provide({
  "0001-first": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("events")
        .addColumn("event_id", "integer", (column) => column.primaryKey().autoIncrement())
        .addColumn("vm_id", "text", (column) => column.notNull())
        .addColumn("incarnation_id", "text")
        .addColumn("at_ms", "integer", (column) => column.notNull())
        .addColumn("kind", "text", (column) => column.notNull())
        .addColumn("title", "text", (column) => column.notNull())
        .addColumn("text", "text")
        .addColumn("data_json", "text")
        .addColumn("qemu_at_ms", "real")
        .addColumn("count", "integer", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("events_by_vm").on("events").columns(["vm_id", "event_id"]).execute();
      await db.schema.createIndex("events_by_time").on("events").column("at_ms").execute();
      await db.schema
        .createTable("fact_progress")
        .addColumn("bridge_id", "text", (column) => column.primaryKey())
        .addColumn("epoch", "text", (column) => column.notNull())
        .addColumn("through_seq", "integer", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("vms_ended")
        .addColumn("vm_id", "text", (column) => column.primaryKey())
        .addColumn("ended_at_ms", "integer", (column) => column.notNull())
        .addColumn("detail_json", "text", (column) => column.notNull())
        .execute();
    },
  },
  "0002-events-of-a-vm-by-time": {
    async up(db: Kysely<unknown>) {
      await db.schema.createIndex("events_by_vm_and_time").on("events").columns(["vm_id", "at_ms"]).execute();
    },
  },
  "0003-notifications": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("notify_outbox")
        .addColumn("position", "integer", (column) => column.primaryKey().autoIncrement())
        .addColumn("entry_id", "text", (column) => column.notNull().unique())
        .addColumn("target", "text", (column) => column.notNull())
        .addColumn("event", "text", (column) => column.notNull())
        .addColumn("body", "text", (column) => column.notNull())
        .addColumn("created_at_ms", "integer", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("notify_told")
        .addColumn("target", "text", (column) => column.notNull())
        .addColumn("incident_id", "text", (column) => column.notNull())
        .addColumn("told_json", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("notify_told_key", ["target", "incident_id"])
        .execute();
    },
  },
});

function provide(migrations: Record<string, Migration>): MigrationProvider {
  return { getMigrations: () => Promise.resolve(migrations) };
}
