import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import type { Insertable } from "kysely";
import { Migrator } from "kysely/migration";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AuditEvent } from "#lib/audit/events";
import { configSchema } from "#lib/config/schema";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { chainRow } from "../store/audit-chain.ts";
import { HeadFile, headFileOf } from "../store/audit-head.ts";
import { AuditLog, HUB_ACTOR } from "../store/audit-log.ts";
import { recordMigrations } from "../store/migrations.ts";
import { nodeSqliteDialect } from "../store/node-sqlite.ts";
import { openStore } from "../store/open-store.ts";
import type { Store } from "../store/open-store.ts";
import type { RecordTables } from "../store/schema.ts";
import { noteConfig } from "./config-notes.ts";
import { RecordFile, UnreadableRecordError, verifyExport } from "./record-file.ts";
import { pruneAudit } from "./retention.ts";

const DAY_MS = 24 * 3_600_000;
const noted = (text: string): AuditEvent => ({ type: "incident-noted", incidentId: "inc-1", noteId: "n", text });

let dataDir: string;
let clock: ManualClock;
let store: Store | undefined;
let audit: AuditLog;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "ripcord-record-"));
  clock = new ManualClock();
});
afterEach(async () => {
  await stop();
  rmSync(dataDir, { recursive: true });
});

async function start(): Promise<Store> {
  store = await openStore(dataDir);
  audit = await AuditLog.open(store.record, clock, { heads: await HeadFile.open(dataDir) });
  return store;
}

async function stop(): Promise<void> {
  if (!store) return;
  await audit.close();
  await store.close();
  store = undefined;
}

/** As somebody would who can write the data folder and knows SQLite. */
function tamper(sql: string): void {
  const database = new DatabaseSync(join(dataDir, "record.db"));
  database.exec(`DROP TRIGGER audit_refuses_update; DROP TRIGGER audit_refuses_delete; ${sql}`);
  database.close();
}

function verify(headFile?: string) {
  const record = new RecordFile(dataDir, headFile);
  try {
    const [report, ...others] = record.verify();
    expect(others).toEqual([]);
    return report!;
  } finally {
    record.close();
  }
}

async function writeNotes(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await audit.append(HUB_ACTOR, noted(`note ${index}`));
}

describe("the record of a data folder", () => {
  test("verifies while the hub runs, after many wrote at once and a transaction was given up", async () => {
    const { record } = await start();
    const givenUp = record.transaction().execute(async (transaction) => {
      await audit.appendIn(transaction, HUB_ACTOR, noted("never"));
      throw new Error("given up");
    });
    await Promise.all([
      ...Array.from({ length: 50 }, (_, index) => audit.append({ who: `operator ${index} \ud800` }, noted("a"), noted("b"))),
      expect(givenUp).rejects.toThrow("given up"),
    ]);
    expect(verify()).toMatchObject({ rows: 100, throughSequence: 100, notes: [] });
    expect(verify().fault).toBeUndefined();
    await stop();
    expect(readFileSync(headFileOf(dataDir), "utf8").trim().split("\n").at(-1)).toBe(`${audit.writer} 100 ${verify().hash}`);
  });

  test("goes on over a restart", async () => {
    await start();
    await writeNotes(3);
    await stop();
    await start();
    await writeNotes(2);
    expect(verify()).toMatchObject({ rows: 5, notes: [] });
    expect(verify().fault).toBeUndefined();
  });

  test.each([
    ["UPDATE audit SET event_json = replace(event_json, 'note 3', 'note 9')", 4, "changed"],
    ["UPDATE audit SET at_ms = at_ms - 1 WHERE sequence = 2", 2, "changed"],
    ["DELETE FROM audit WHERE sequence = 5", 5, "missing"],
    ["DELETE FROM audit WHERE sequence = 1", 1, "missing"],
    ["DELETE FROM audit WHERE sequence > 7", 8, "cut-off"],
    ["DELETE FROM audit", 1, "cut-off"],
  ])("%s is found", async (sql, sequence, kind) => {
    await start();
    await writeNotes(10);
    await stop();
    tamper(sql);
    expect(verify().fault).toMatchObject({ sequence, kind });
  });

  test("whose end was cut off says so for good, also when the hub has written on", async () => {
    await start();
    await writeNotes(10);
    await stop();
    tamper("DELETE FROM audit WHERE sequence > 7");
    await start();
    await writeNotes(10);
    expect(verify().fault).toMatchObject({ sequence: 8, kind: "cut-off" });
  });

  test("without its heads does not verify, and tells later that they were begun anew", async () => {
    await start();
    await writeNotes(3);
    await stop();
    rmSync(headFileOf(dataDir));
    expect(verify().fault).toMatchObject({ kind: "no-head" });
    await start();
    expect(verify().fault).toBeUndefined();
    expect(verify().notes).toEqual(["audit-head was begun anew at row 4: what was cut off before it cannot be told"]);
  });

  test("bears a torn last line of its heads", async () => {
    await start();
    await writeNotes(3);
    await stop();
    appendFileSync(headFileOf(dataDir), `${audit.writer} 4 abc`);
    await start();
    await writeNotes(1);
    await stop();
    expect(verify().fault).toBeUndefined();
    expect(readFileSync(headFileOf(dataDir), "utf8")).toMatch(/ 4 abc\n\S+ 4 [0-9a-f]{64}\n$/);
  });

  test("made over from some row on is found by heads that were kept elsewhere", async () => {
    await start();
    await writeNotes(5);
    await stop();
    const elsewhere = join(dataDir, "elsewhere");
    writeFileSync(elsewhere, readFileSync(headFileOf(dataDir)));
    const database = new DatabaseSync(join(dataDir, "record.db"));
    database.exec("DROP TRIGGER audit_refuses_update");
    const rows = database.prepare("SELECT * FROM audit ORDER BY sequence").all() as unknown as RecordTables["audit"][];
    let previous = rows[1]!.hash;
    for (const row of rows.slice(2)) {
      const forged = chainRow({ ...row, who: "somebody else" }, previous);
      previous = forged.hash;
      database
        .prepare("UPDATE audit SET who = ?, previous_hash = ?, hash = ? WHERE sequence = ?")
        .run(forged.who, forged.previous_hash, forged.hash, forged.sequence);
    }
    database.close();
    writeFileSync(headFileOf(dataDir), `${audit.writer} 5 ${previous}\n`);
    expect(verify().fault).toBeUndefined();
    expect(verify(elsewhere).fault).toMatchObject({ kind: "replaced" });
  });

  test("from before there was a chain is chained, and says up to where", async () => {
    const file = join(dataDir, "record.db");
    const old = new Kysely<RecordTables>({ dialect: nodeSqliteDialect(file, { synchronous: "FULL" }) });
    expect((await new Migrator({ db: old, provider: recordMigrations }).migrateTo("0003-incidents")).error).toBeUndefined();
    await old.insertInto("meta").values({ key: "writer", value: "hub-old" }).execute();
    for (let sequence = 1; sequence <= 1_203; sequence += 1) {
      const row = { writer: "hub-old", sequence, at_ms: sequence, who: "me", from_address: null, type: "hub-stopped", vm_id: null };
      await old
        .insertInto("audit")
        .values({ ...row, event_json: '{"type":"hub-stopped"}' } as Insertable<RecordTables["audit"]>)
        .execute();
    }
    await old.destroy();
    expect(() => new RecordFile(dataDir)).toThrow(UnreadableRecordError);
    const { record } = await start();
    await writeNotes(2);
    expect(verify()).toMatchObject({
      writer: "hub-old",
      rows: 1_206,
      notes: ["rows up to 1203 were written before there was a chain, and chained later, as row 1204 says"],
    });
    expect(verify().fault).toBeUndefined();
    await expect(record.updateTable("audit").set({ who: "nobody" }).execute()).rejects.toThrow(/insert-only/);
    await expect(record.deleteFrom("audit").execute()).rejects.toThrow(/insert-only/);
  });
});

describe("what is exported", () => {
  test("verifies by itself, whole or in part, and a changed line is named", async () => {
    await start();
    for (let day = 0; day < 10; day += 1) {
      await audit.append({ who: "me", from: "127.0.0.1" }, noted(`day ${day}`));
      clock.advance(DAY_MS);
    }
    const record = new RecordFile(dataDir);
    const lines = [...record.export({})];
    const part = [...record.export({ sinceMs: clock.nowMs() - 5 * DAY_MS, untilMs: clock.nowMs() - 2 * DAY_MS })];
    record.close();
    const file = join(dataDir, "export.jsonl");
    const found = async (text: readonly string[]) => {
      writeFileSync(file, text.map((line) => `${line}\n`).join(""));
      return (await verifyExport(file))[0]!;
    };
    expect(await found(lines)).toMatchObject({ rows: 10, throughSequence: 10 });
    expect((await verifyExport(file, headFileOf(dataDir)))[0]!.fault).toBeUndefined();
    expect(JSON.parse(lines[0]!)).toMatchObject({ sequence: 1, who: "me", from: "127.0.0.1", event: { text: "day 0" } });
    expect(await found(part)).toMatchObject({ rows: 4, firstSequence: 6, throughSequence: 9 });
    expect((await found(part)).notes[0]).toContain("a part of a record: it begins behind row 5");
    expect((await found(lines.with(3, lines[3]!.replace("day 3", "day 4")))).fault).toMatchObject({ sequence: 4, kind: "changed" });
    expect((await found(lines.toSpliced(3, 1))).fault).toMatchObject({ sequence: 4, kind: "missing" });
    await expect(found(lines.with(3, "{}"))).rejects.toThrow(/export\.jsonl:4 is not a row/);
  });
});

describe("retention", () => {
  async function writeDays(days: number): Promise<void> {
    for (let day = 0; day < days; day += 1) {
      await audit.append(HUB_ACTOR, ...Array.from({ length: 200 }, () => noted("n")));
      clock.advance(DAY_MS);
    }
  }

  test("drops what is older behind a checkpoint, and the rest verifies and says so", async () => {
    const { record } = await start();
    await writeDays(6);
    await pruneAudit(record, audit, { keepDays: 3, nowMs: clock.nowMs() });
    expect(verify()).toMatchObject({ firstSequence: 601, throughSequence: 1_201 });
    expect(verify().fault).toBeUndefined();
    expect(verify().notes).toEqual(["rows up to 600 were dropped by retention, as a checkpoint in the record says"]);
    expect((await audit.page({ type: "audit-pruned", limit: 5 })).rows[0]!.event).toMatchObject({ firstKept: 601, dropped: 600 });
    // A checkpoint a day is enough.
    await pruneAudit(record, audit, { keepDays: 3, nowMs: clock.nowMs() });
    expect(verify().throughSequence).toBe(1_201);
    await expect(record.deleteFrom("audit").where("sequence", "=", 601).execute()).rejects.toThrow(/insert-only/);
    await stop();
    tamper("DELETE FROM audit WHERE sequence < 650");
    expect(verify().fault).toMatchObject({ sequence: 601, kind: "missing" });
  });

  test("that was interrupted leaves a record that verifies, and is finished the next time", async () => {
    const { record } = await start();
    await writeDays(4);
    const { previous_hash } = await record
      .selectFrom("audit")
      .select("previous_hash")
      .where("sequence", "=", 401)
      .executeTakeFirstOrThrow();
    await audit.append(HUB_ACTOR, { type: "audit-pruned", firstKept: 401, chainsFrom: previous_hash, dropped: 400, keepDays: 2 });
    await record.deleteFrom("audit").where("sequence", "<=", 130).execute();
    expect(verify()).toMatchObject({ firstSequence: 131 });
    expect(verify().fault).toBeUndefined();
    await pruneAudit(record, audit, { keepDays: 2, nowMs: clock.nowMs() - DAY_MS });
    expect(verify()).toMatchObject({ firstSequence: 401, throughSequence: 801 });
  });
});

test("a configuration is noted with what is other than the last time, without passwords", async () => {
  const { record } = await start();
  const resolve = (text: object) => ({ config: configSchema.parse(text), dataDir, bridgeId: "b", bridgeLabel: "b" });
  const hub = { url: "http://me:canary@hub:7979", tokenFile: "/etc/token" };
  await noteConfig(record, audit, resolve({ hub }), "start");
  await noteConfig(record, audit, resolve({ hub, bridge: { probe: { hungAfterMs: 7_000 } }, vms: [{ match: "db-*" }] }), "reload");
  const { rows } = await audit.page({ type: "config-loaded", limit: 10 });
  expect(rows.map(({ event }) => event)).toMatchObject([
    { trigger: "reload", changes: ["bridge.probe.hungAfterMs: 5000 → 7000", "vms[0].match: not set → db-*"] },
    { trigger: "start", changes: [] },
  ]);
  expect(JSON.stringify(await record.selectFrom("meta").selectAll().execute())).not.toContain("canary");
});

test("a receiver's address enters the record without its path, and that it changed is told all the same", async () => {
  const { record } = await start();
  const resolve = (key: string) => {
    const url = `https://chat.example/${key}?${key}`;
    const notify = [{ name: "chat", type: "webhook", template: "slack", url }];
    return { config: configSchema.parse({ notify, deadMan: { url } }), dataDir, bridgeId: "b", bridgeLabel: "b" };
  };
  await noteConfig(record, audit, resolve("canary-1"), "start");
  await noteConfig(record, audit, resolve("canary-2"), "reload");
  const { rows } = await audit.page({ type: "config-loaded", limit: 1 });
  const change = (key: string) => expect.stringMatching(new RegExp(`^${key}: https://chat\\.example/… .* → https://chat\\.example/… `));
  expect(rows[0]?.event).toMatchObject({ changes: [change("deadMan.url"), change(String.raw`notify\[0\].url`)] });
  expect(JSON.stringify([await record.selectFrom("meta").selectAll().execute(), rows])).not.toContain("canary");
});

test("100,000 rows verify without being held in memory", { timeout: 60_000 }, async () => {
  await start();
  const event = noted("x".repeat(300));
  // The rows as one append makes them, in few transactions: the disk is not what is looked at here.
  const batch = Array.from({ length: 500 }, () => event);
  for (let index = 0; index < 200; index += 1) await audit.append(HUB_ACTOR, ...batch);
  const before = process.memoryUsage();
  const report = verify();
  const after = process.memoryUsage();
  expect(report).toMatchObject({ rows: 100_000, notes: [] });
  expect(report.fault).toBeUndefined();
  // The rows alone are 60 MB; what stays of them, garbage and SQLite's own cache included, is less.
  expect(after.rss - before.rss).toBeLessThan(60 * 1024 * 1024);
  expect(existsSync(headFileOf(dataDir))).toBe(true);
  const { rows, before: next } = await audit.page({ q: "not there", limit: 10 });
  expect({ rows, next }).toEqual({ rows: [], next: 90_001 });
});
