import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kysely } from "kysely";
import type { Insertable } from "kysely";
import { Migrator } from "kysely/migration";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AuditEvent } from "#lib/audit/events";
import type { IncidentMember, IncidentState, IncidentSummary } from "#lib/incident/incident";
import type { Fact } from "#lib/link/contract";
import type { ActRecord } from "#lib/yank/act";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { ActStore } from "./act-store.ts";
import { AuditLog, HUB_ACTOR } from "./audit-log.ts";
import { EventStore } from "./event-store.ts";
import { FolderInUseError } from "./folder-lock.ts";
import { IncidentStore } from "./incident-store.ts";
import { recordMigrations } from "./migrations.ts";
import { nodeSqliteDialect } from "./node-sqlite.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./open-store.ts";
import type { RecordTables } from "./schema.ts";

let dataDir: string;
let store: Store;
let clock: ManualClock;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "ripcord-store-"));
  store = await openStore(dataDir);
  clock = new ManualClock();
});
afterEach(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true });
});

describe("the data folder", () => {
  test("has one hub at a time", async () => {
    await expect(openStore(dataDir)).rejects.toThrow(FolderInUseError);
    await store.close();
    store = await openStore(dataDir);
  });

  test("is closed to other accounts", () => {
    expect(statSync(join(dataDir, "record.db")).mode & 0o077).toBe(0);
    expect(statSync(join(dataDir, "history.db")).mode & 0o077).toBe(0);
    // Whoever could read the lock could hold it, and no hub would start.
    expect(statSync(join(dataDir, "hub.lock")).mode & 0o077).toBe(0);
  });
});

test("a record from before incidents keeps its acts, and takes incidents", async () => {
  await store.close();
  const file = join(dataDir, "record.db");
  rmSync(file);
  const old = new Kysely<RecordTables>({ dialect: nodeSqliteDialect(file, { synchronous: "FULL" }) });
  expect((await new Migrator({ db: old, provider: recordMigrations }).migrateTo("0002-void-plans")).error).toBeUndefined();
  const row = { act_id: "act-1", plan_id: "plan-1", created_at_ms: 5, who: "me", reason: null, action: "yank" };
  await old
    .insertInto("acts")
    .values(row as Insertable<RecordTables["acts"]>)
    .execute();
  await old.destroy();
  store = await openStore(dataDir);
  const audit = await AuditLog.open(store.record, clock);
  const [act] = await new ActStore(store.record, audit).recent(10);
  expect(act).toMatchObject({ actId: "act-1", who: "me" });
  expect(act).not.toHaveProperty("incidentId");
  const incidents = new IncidentStore(store.record, audit);
  expect(await incidents.nextNumber()).toBe(1);
  expect(await incidents.active()).toEqual([]);
});

describe("incidents", () => {
  const summary = (number: number, state: IncidentState = "open"): IncidentSummary => ({
    incidentId: `inc-${number}`,
    number,
    state,
    cause: { kind: "vm", key: "vm:aaaaaa", text: "db" },
    title: "db: main loop hung",
    openedAtMs: 1_000,
    beganAtMs: 500,
    detectedAfterMs: 500,
    ...(state === "resolved" ? { resolvedAtMs: 2_000 + number } : {}),
    memberCount: 1,
    troubledCount: 0,
    flapCount: 0,
    worstKind: "main-loop-hung",
    revision: 1,
    hosts: ["h"],
    noteCount: 0,
  });
  const member = (vmId: string): IncidentMember => ({
    vmId,
    name: "db",
    bridgeId: "b",
    host: "h",
    kind: "healthy",
    isInTrouble: false,
    worstKind: "main-loop-hung",
    joinedAtMs: 1_000,
    sinceAtMs: 500,
    flapCount: 0,
  });

  test("are written whole or not at all, and again as they are now", async () => {
    const incidents = new IncidentStore(store.record, await AuditLog.open(store.record, clock));
    const entry = { atMs: 1_000, kind: "incident" as const, text: "Opened" };
    await incidents.save([{ summary: summary(1), members: [member("aaaaaa")], entries: [entry] }]);
    const twice = { ...summary(2), number: 1 };
    await expect(
      incidents.save([
        { summary: { ...summary(1), title: "changed" }, members: [], entries: [entry] },
        { summary: twice, members: [], entries: [] },
      ]),
    ).rejects.toThrow(/UNIQUE/);
    expect(await incidents.active()).toMatchObject([{ number: 1, title: "db: main loop hung", members: [{ vmId: "aaaaaa" }] }]);
    expect(await incidents.entries("inc-1", 10)).toEqual([entry]);
    await incidents.save([
      { summary: summary(1, "resolved"), members: [{ ...member("aaaaaa"), flapCount: 3 }, member("bbbbbb")], entries: [] },
    ]);
    expect(await incidents.active()).toEqual([]);
    expect((await incidents.incident("inc-1"))!.members.map(({ vmId, flapCount }) => [vmId, flapCount])).toEqual([
      ["aaaaaa", 3],
      ["bbbbbb", 0],
    ]);
    expect(await incidents.resolvedSince(2_000)).toMatchObject([
      { incidentId: "inc-1", causeKey: "vm:aaaaaa", members: [{ vmId: "aaaaaa" }, { vmId: "bbbbbb" }] },
    ]);
    expect(await incidents.nextNumber()).toBe(2);
  });

  test("of those that are over the newest ten thousand stay, with their number never given out again", async () => {
    const incidents = new IncidentStore(store.record, await AuditLog.open(store.record, clock));
    const changes = Array.from({ length: 10_003 }, (_, index) => ({ summary: summary(index + 1, "resolved"), members: [], entries: [] }));
    await incidents.save([...changes, { summary: summary(10_004), members: [member("aaaaaa")], entries: [] }]);
    await incidents.prune();
    expect(await incidents.incident("inc-3")).toBeUndefined();
    expect(await incidents.incident("inc-4")).toBeDefined();
    expect(await incidents.active()).toHaveLength(1);
    expect(await incidents.nextNumber()).toBe(10_005);
  });
});

describe("the audit", () => {
  const stopped: AuditEvent = { type: "hub-stopped" };

  test("is gapless, also when many write at once, one fails, and the hub starts again", async () => {
    const audit = await AuditLog.open(store.record, clock);
    await Promise.all(Array.from({ length: 20 }, () => audit.append(HUB_ACTOR, stopped, stopped)));
    await store.record
      .transaction()
      .execute(async (transaction) => {
        await audit.appendIn(transaction, HUB_ACTOR, stopped);
        throw new Error("given up");
      })
      .catch(() => undefined);
    await store.close();
    store = await openStore(dataDir);
    const again = await AuditLog.open(store.record, clock);
    expect(again.writer).toBe(audit.writer);
    await again.append({ who: "local operator", from: "127.0.0.1" }, stopped);
    const { rows } = await again.page({ limit: 100 });
    expect(rows.map((row) => row.sequence)).toEqual(Array.from({ length: 41 }, (_, index) => 41 - index));
    expect(rows[0]).toMatchObject({ who: "local operator", from: "127.0.0.1", atMs: clock.nowMs(), event: stopped });
    expect((await again.page({ limit: 2, before: 3 })).rows.map((row) => row.sequence)).toEqual([2, 1]);
  });

  test("takes no change and no deletion", async () => {
    const audit = await AuditLog.open(store.record, clock);
    await audit.append(HUB_ACTOR, stopped);
    await expect(store.record.updateTable("audit").set({ who: "nobody" }).execute()).rejects.toThrow(/insert-only/);
    await expect(store.record.deleteFrom("audit").execute()).rejects.toThrow(/insert-only/);
  });
});

describe("acts", () => {
  const act = (actId: string, planId: string): ActRecord => ({
    actId,
    planId,
    action: "yank",
    who: "local operator",
    createdAtMs: clock.nowMs(),
    targets: [
      {
        vmId: "aaaaaa",
        vmName: "db",
        host: "h",
        bridgeId: "b",
        instances: [],
        command: {},
        lane: "oob",
        state: "intended",
        verdict: "pending",
        aftermath: [],
        isFinal: false,
      },
    ],
  });

  test("are one per plan, whoever is faster", async () => {
    const audit = await AuditLog.open(store.record, clock);
    const acts = new ActStore(store.record, audit);
    const intent = (actId: string) => ({ type: "act-intended" as const, actId, planId: "plan", vmId: "aaaaaa", command: {} });
    const begun = await Promise.all(["one", "two", "three"].map((actId) => acts.begin(act(actId, "plan"), HUB_ACTOR, intent(actId))));
    expect(begun.filter(Boolean)).toHaveLength(1);
    expect((await audit.page({ limit: 10 })).rows).toHaveLength(1);
    const [open] = await acts.openTargets();
    expect(open).toMatchObject({ isIntended: true, target: { vmId: "aaaaaa", state: "intended" } });
    await acts.progress(open!.actId, { ...open!.target, state: "accepted", verdict: "recovered", isFinal: true }, HUB_ACTOR);
    expect(await acts.openTargets()).toEqual([]);
    expect((await acts.actOfPlan("plan"))!.targets[0]).toMatchObject({ verdict: "recovered" });
    expect(await acts.recent(10, "aaaaaa")).toHaveLength(1);
    expect(await acts.recent(10, "bbbbbb")).toEqual([]);
  });
});

describe("events", () => {
  const fact = (seq: number, name = "STOP"): Fact => ({ seq, vmId: "aaaaaa", ageMs: 5, kind: "qmp-event", name, count: 1 });

  test("are stored once per bridge's start, and again after it starts anew", async () => {
    const events = new EventStore(store.history, clock);
    const batch = { bridgeId: "b", epoch: "e1", facts: [fact(1), fact(2)] };
    expect((await events.append(batch)).throughSeq).toBe(2);
    expect(await events.append({ ...batch, facts: [fact(1), fact(2), fact(3)] })).toMatchObject({
      throughSeq: 3,
      stored: [{ title: "STOP" }],
    });
    expect((await events.append({ ...batch, epoch: "e2", facts: [fact(1)] })).throughSeq).toBe(1);
    const page = await events.page({ vmId: "aaaaaa", limit: 10 });
    expect(page).toHaveLength(4);
    expect(page[0]!.eventId).toBeGreaterThan(page[1]!.eventId);
    expect(page[0]!.atMs).toBe(clock.nowMs() - 5);
  });

  test("a backlog is limited by the seconds in which it happened, not by the one in which it arrives", async () => {
    const events = new EventStore(store.history, clock);
    const facts = Array.from({ length: 300 }, (_, index) => ({ ...fact(index + 1), ageMs: (300 - index) * 100 }));
    expect((await events.append({ bridgeId: "b", epoch: "e", facts })).stored).toHaveLength(300);
  });

  test("a batch whose end was malformed is not asked for again", async () => {
    const events = new EventStore(store.history, clock);
    expect((await events.append({ bridgeId: "b", epoch: "e", facts: [fact(1)], lastSeq: 4 })).throughSeq).toBe(4);
  });

  test("older than seven days are dropped", async () => {
    const events = new EventStore(store.history, clock);
    await events.append({ bridgeId: "b", epoch: "e", facts: [fact(1, "OLD")] });
    clock.advance(7 * 24 * 3_600_000 + 10);
    await events.append({ bridgeId: "b", epoch: "e", facts: [fact(2, "NEW")] });
    await events.prune();
    expect((await events.page({ limit: 10 })).map((event) => event.title)).toEqual(["NEW"]);
  });

  test("beyond 20,000 of one VM are dropped, the oldest first", async () => {
    const events = new EventStore(store.history, clock);
    for (let start = 0; start < 20_100; start += 50) {
      await events.append({ bridgeId: "b", epoch: "e", facts: Array.from({ length: 50 }, (_, index) => fact(start + index + 1)) });
      clock.advance(1_000);
    }
    await events.prune();
    const { count } = await store.history
      .selectFrom("events")
      .select((select) => select.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    expect(count).toBe(20_000);
  });
});
