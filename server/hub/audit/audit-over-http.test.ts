import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AuditRow } from "#lib/audit/events";
import type { AuditState } from "#lib/audit/chain-state";
import { startTestHub, testConfig } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { hungVm } from "../../../tests/support/vm-report.ts";

const NBD = { type: "block-node", "node-name": "nbd0" };

describe("the audit over HTTP", () => {
  let ripcord: TestHub;
  beforeEach(async () => {
    ripcord = await startTestHub();
  });
  afterEach(() => ripcord.close());

  const find = async (query: string) => {
    const { status, body } = await ripcord.call(`/api/v1/audit?${query}`);
    expect(status, JSON.stringify(body)).toBe(200);
    return body as unknown as { rows: AuditRow[]; next?: string };
  };
  const sequences = async (query: string) => (await find(query)).rows.map((row) => row.sequence);

  test("is found by words, type, person, VM and time, and paged by its own links", async () => {
    const bridge = ripcord.bridge({ vms: [hungVm({ vmId: "bbbbbb", name: "db-07" })] });
    await vi.waitUntil(() => ripcord.hub.fleet.vmCount === 1, { timeout: 5_000 });
    await ripcord.call("/api/v1/plans", { action: "yank", targets: [{ vmId: "bbbbbb", instances: [NBD] }] });
    bridge.close();
    const types = async (query: string) => (await find(query)).rows.map((row) => row.event.type);
    expect(await types("q=DB-07+yank")).toEqual(["plan-made"]);
    expect(await types("q=100%25")).toEqual([]);
    expect(await types("type=hub-started")).toEqual(["hub-started"]);
    expect(await types("vmId=bbbbbb")).toEqual(["plan-made"]);
    expect(await types("who=LOCAL")).toEqual(["plan-made"]);
    expect(await types("who=nobody")).toEqual([]);
    expect(await types("until=2020-01-01")).toEqual([]);
    expect((await sequences("since=2020-01-01T00:00Z")).toReversed().slice(0, 3)).toEqual([1, 2, 3]);
    const { rows, next } = await find("limit=2&since=1577836800000");
    const { body } = await ripcord.call(next!);
    expect((body as unknown as { rows: AuditRow[] }).rows[0]!.sequence).toBe(rows[1]!.sequence - 1);
    expect((await ripcord.call("/api/v1/audit?since=yesterday")).status).toBe(400);
    expect((await ripcord.call(`/api/v1/audit?q=${"x".repeat(201)}`)).status).toBe(400);
  });

  test("says through which row it verifies", async () => {
    const state = async () => (await ripcord.call("/api/v1/audit/state")).body as unknown as AuditState;
    await vi.waitUntil(async () => (await state()).check !== undefined, { timeout: 5_000 });
    const { check, head, trouble } = await state();
    expect(check).toMatchObject({ isIntact: true, firstSequence: 1, throughSequence: 3, notes: [] });
    expect(head!.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(trouble).toBeUndefined();
  });
});

test("a hub whose record was tampered with says so, on the host's line and in the state, and serves on", async () => {
  const first = await startTestHub();
  await first.hub.close();
  const database = new DatabaseSync(join(first.dataDir, "record.db"));
  database.exec("DROP TRIGGER audit_refuses_update; UPDATE audit SET who = 'nobody' WHERE sequence = 2");
  database.close();
  const second = await startTestHub({ dataDir: first.dataDir });
  const state = async () => (await second.call("/api/v1/audit/state")).body as unknown as AuditState;
  await vi.waitUntil(async () => (await state()).check !== undefined, { timeout: 5_000 });
  expect((await state()).check).toMatchObject({ isIntact: false, fault: { sequence: 2, kind: "changed" } });
  expect(second.hub.fleet.bridges()[0]!.notices).toEqual([expect.stringContaining("does not verify: row 2 is not as it was written")]);
  expect((await second.call("/api/v1/vms")).status).toBe(200);
  await second.close();
  await first.close();
});

test("no token enters the record or the log, however it is offered", async () => {
  const lines: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  const ripcord = await startTestHub({ isOpen: false, log });
  const canary = "canary-7f3a9c";
  const token = readFileSync(join(ripcord.dataDir, "access-token"), "utf8").trim();
  const bridgeToken = readFileSync(join(ripcord.dataDir, "bridge-token"), "utf8").trim();
  for (const offered of [canary, token]) {
    const authorization = `Bearer ${offered}`;
    await ripcord.call("/api/v1/session", { token: offered });
    for (const path of ["audit", "vms", "vms/aaaaaa", "acts/act-1", "incidents/inc-1", "nothing", `audit?q=x&token=${offered}`]) {
      await ripcord.call(`/api/v1/${path}`, undefined, { headers: { authorization } });
      await ripcord.call(`/api/v1/${path}`, undefined, { headers: { cookie: `ripcord_session_${ripcord.hub.port}=${offered}` } });
    }
    for (const body of [{ token: offered }, [offered]]) {
      await ripcord.call("/api/v1/plans", body, { headers: { authorization, "content-type": "application/json" } });
      await ripcord.call("/api/v1/acts", body, { headers: { authorization, "content-type": "application/json" } });
    }
    await ripcord.call("/api/v1/session", undefined, { method: "DELETE", headers: { authorization } });
  }
  await ripcord.hub.noteReload({ ...testConfig(ripcord.dataDir), bridgeLabel: "other" });
  await ripcord.hub.noteReload({ refused: "listen.port: found nothing" });
  const { body } = await ripcord.call("/api/v1/audit?limit=500", undefined, { headers: { authorization: `Bearer ${token}` } });
  const record = JSON.stringify(body);
  for (const type of ["token-created", "config-loaded", "config-refused", "session-refused", "session-opened"])
    expect(record).toContain(type);
  for (const secret of [canary, token, bridgeToken]) {
    expect(record).not.toContain(secret);
    expect(lines.join("")).not.toContain(secret);
  }
  await ripcord.close();
});
