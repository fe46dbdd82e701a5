import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { notifySchema } from "#lib/config/notify-schema";
import type { IncidentSummary } from "#lib/incident/incident";
import { silentLog } from "#server/log";
import { incidentSummary } from "../../../tests/support/incident-summary.ts";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { failing, startReceiver } from "../../../tests/support/receiver.ts";
import { openStore } from "../store/open-store.ts";
import type { Store } from "../store/open-store.ts";
import { Notifier } from "./notifier.ts";
import { NotifyStore } from "./notify-store.ts";

const SECRET = "what only two know";
let folder: string;
let store: Store;
let clock: ManualClock;
let incidents: Map<string, IncidentSummary>;
let outcomes: string[];
let trouble: string | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ripcord-notify-"));
  writeFileSync(join(folder, "secret"), `${SECRET}\n`);
  store = await openStore(folder);
  clock = new ManualClock();
  incidents = new Map();
  outcomes = [];
  trouble = undefined;
  return async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
});

async function open(...configs: Record<string, unknown>[]): Promise<Notifier> {
  const notifier = await Notifier.open(notifySchema.parse(configs), {
    store: new NotifyStore(store.history),
    clock,
    log: silentLog(),
    random: () => 0.5,
    active: () => [...incidents.values()].filter(({ state }) => state !== "resolved"),
    find: (incidentId) => Promise.resolve(incidents.get(incidentId)),
    notWell: () => Promise.resolve(trouble),
    instance: "hub-1",
    onOutcome: (target, outcome) => outcomes.push(`${target} ${outcome}`),
  });
  onTestFinished(() => notifier.close());
  return notifier;
}

const webhook = (url: string, more = {}) => ({ name: "hook", type: "webhook", url, secretFile: join(folder, "secret"), ...more });

function change(notifier: Notifier, overrides: Partial<IncidentSummary> = {}): void {
  const incident = incidentSummary({ ...incidents.get(overrides.incidentId ?? "inc-1"), ...overrides });
  incidents.set(incident.incidentId, incident);
  notifier.incidentsChanged([incident]);
}

/** So much time passes, with a tick each second, and then what it set going is over. */
async function pass(notifier: Notifier, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1_000);
    notifier.tick();
  }
  await setImmediate();
}

const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 5_000, interval: 5 });

describe("a webhook", () => {
  test("gets one thread per incident, from its opening to its end, each signed", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(webhook(url));
    const steps: [Partial<IncidentSummary>, string][] = [
      [{}, "incident.opened"],
      [{ troubledCount: 2, memberCount: 2 }, "incident.worsened"],
      [{ acknowledgement: { who: "ada", atMs: 1, untilMs: 2 } }, "incident.acknowledged"],
      [{ state: "mitigated", troubledCount: 0 }, "incident.mitigated"],
      [{ state: "resolved", resolvedAtMs: 5 }, "incident.resolved"],
    ];
    for (const [index, [step]] of steps.entries()) {
      change(notifier, step);
      await pass(notifier, 35);
      await until(() => received.length === index + 1);
    }
    expect(received.map(({ json }) => json.event)).toEqual(steps.map(([, event]) => event));
    expect(new Set(received.map(({ json }) => json.threadKey))).toEqual(new Set(["inc-1"]));
    expect(new Set(received.map(({ headers }) => headers["idempotency-key"])).size).toBe(steps.length);
    for (const { headers, text } of received) {
      const signed = createHmac("sha256", SECRET)
        .update(`${String(headers["x-ripcord-timestamp"])}.${text}`)
        .digest("hex");
      expect(headers["x-ripcord-signature"]).toBe(`v1=${signed}`);
    }
    expect((await store.history.selectFrom("notify_told").selectAll().execute()).length).toBe(0);
  });

  test("hears of 200 VMs that fall within a moment once, with their number", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(webhook(url));
    for (let count = 1; count <= 200; count += 1) change(notifier, { troubledCount: count, memberCount: count });
    await pass(notifier, 10);
    await until(() => received.length === 1);
    expect(received[0]?.json).toMatchObject({ event: "incident.opened", incident: { troubledCount: 200 } });
  });

  test("hears of many incidents that open at once in one message", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(webhook(url));
    for (let number = 1; number <= 200; number += 1) change(notifier, { incidentId: `inc-${number}`, number });
    await pass(notifier, 10);
    await until(() => received.length === 1);
    expect(received[0]?.json).toMatchObject({ event: "storm", incidentCount: 200 });
    change(notifier, { incidentId: "inc-7", state: "resolved" });
    await pass(notifier, 5);
    await until(() => received.length === 2);
    expect(received[1]?.json).toMatchObject({ event: "incident.resolved", threadKey: "inc-7" });
  });

  test("is not told of what passes before anybody was told of it", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(webhook(url));
    change(notifier);
    await pass(notifier, 1);
    change(notifier, { state: "mitigated", troubledCount: 0 });
    await pass(notifier, 10);
    expect(received).toEqual([]);
    expect(notifier.statuses()).toMatchObject([{ queued: 0 }]);
  });

  test("that fails is tried again, ever later, with the same key and in order", async () => {
    const { url, received, state } = await startReceiver(failing(500));
    const notifier = await open(webhook(url));
    change(notifier);
    await pass(notifier, 4);
    await until(() => outcomes.length === 1);
    change(notifier, { state: "mitigated", troubledCount: 0 });
    await pass(notifier, 40);
    await until(() => outcomes.length === 2);
    // 1 s, then 2 s: nothing before it is due.
    notifier.tick();
    expect(received).toHaveLength(2);
    state.answer = (response) => void response.end();
    clock.advance(2_100);
    notifier.tick();
    await until(() => received.length === 4);
    expect(received.map(({ json }) => json.event)).toEqual(["incident.opened", "incident.opened", "incident.opened", "incident.mitigated"]);
    expect(new Set(received.slice(0, 3).map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    await until(() => outcomes.length === 4);
    expect(outcomes).toEqual(["hook failed", "hook failed", "hook delivered", "hook delivered"]);
  });

  test("gets after a restart what it did not get before, with the same key, and what happened meanwhile", async () => {
    const { url, received, state } = await startReceiver(failing(503));
    const first = await open(webhook(url));
    change(first);
    await pass(first, 4);
    await until(() => outcomes.length === 1);
    await first.close();
    incidents.set("inc-1", incidentSummary({ state: "resolved" }));
    state.answer = (response) => void response.end();
    const second = await open(webhook(url));
    await pass(second, 5);
    await until(() => received.length === 3);
    expect(received.map(({ json }) => json.event)).toEqual(["incident.opened", "incident.opened", "incident.resolved"]);
    expect(received[1]?.headers["idempotency-key"]).toBe(received[0]?.headers["idempotency-key"]);
    expect(received[1]?.text).toBe(received[0]?.text);
  });

  test("that took a message is not told the same again by the next hub", async () => {
    const { url, received } = await startReceiver();
    const first = await open(webhook(url));
    change(first);
    await pass(first, 4);
    await until(() => outcomes.length === 1);
    await first.close();
    const second = await open(webhook(url));
    await pass(second, 60);
    expect(received).toHaveLength(1);
  });

  test("that never answers holds nobody up, and is cut short when the hub ends", async () => {
    const dead = await startReceiver(() => undefined);
    const slow = await startReceiver((response) => void response.writeHead(200).write("{"));
    const well = await startReceiver();
    const notifier = await open(
      webhook(dead.url, { name: "dead" }),
      webhook(slow.url, { name: "slow" }),
      webhook(well.url, { name: "well" }),
    );
    change(notifier);
    await pass(notifier, 4);
    await until(() => dead.received.length === 1 && outcomes.length === 2);
    expect(outcomes.toSorted()).toEqual(["slow delivered", "well delivered"]);
    change(notifier, { state: "resolved" });
    await pass(notifier, 5);
    await until(() => well.received.length === 2 && slow.received.length === 2);
    await notifier.close();
    expect(dead.received).toHaveLength(1);
    expect(await store.history.selectFrom("notify_outbox").select("target").execute()).toEqual([{ target: "dead" }, { target: "dead" }]);
  });

  test("is asked again by the clock that nobody sets", async () => {
    const { url, received, state } = await startReceiver(failing(500));
    const notifier = await open(webhook(url));
    change(notifier);
    await pass(notifier, 4);
    await until(() => outcomes.length === 1);
    clock.setBy(-3_600_000);
    state.answer = (response) => void response.end();
    await pass(notifier, 2);
    await until(() => received.length === 2);
    clock.setBy(7_200_000);
    change(notifier, { state: "resolved" });
    await pass(notifier, 4);
    await until(() => received.length === 3);
    expect(received.map(({ json }) => json.event)).toEqual(["incident.opened", "incident.opened", "incident.resolved"]);
  });

  test("that refuses a body loses that one only, and no redirect is followed", async () => {
    const elsewhere = await startReceiver();
    const { url, received, state } = await startReceiver(failing(422));
    const notifier = await open(webhook(url));
    change(notifier);
    await pass(notifier, 4);
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(["hook refused"]);
    state.answer = (response) => void response.writeHead(307, { location: elsewhere.url }).end();
    change(notifier, { state: "resolved" });
    await pass(notifier, 4);
    await until(() => outcomes.length === 2);
    expect(outcomes[1]).toBe("hook failed");
    expect(received).toHaveLength(2);
    expect(elsewhere.received).toEqual([]);
  });

  test("that is gone for long keeps a bounded queue, and says what was given up", async () => {
    const { url } = await startReceiver(failing(500));
    const notifier = await open(webhook(url, { minIntervalMs: 0 }));
    for (let round = 0; round < 260; round += 1) {
      for (let index = 0; index < 5; index += 1) change(notifier, { incidentId: `inc-${round}-${index}`, number: round });
      clock.advance(3_000);
      notifier.tick();
    }
    expect(notifier.statuses()[0]?.queued).toBe(1_000);
    expect(outcomes.filter((outcome) => outcome === "hook dropped")).toHaveLength(300);
  });

  test("without a readable secret gets nothing unsigned", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(webhook(url, { secretFile: join(folder, "gone") }));
    expect(await notifier.test("hook")).toEqual({ kind: "retry", reason: "secretFile cannot be read or is empty" });
    expect(received).toEqual([]);
  });

  test("gets a test message at once", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(webhook(url));
    expect(await notifier.test("hook")).toEqual({ kind: "delivered", status: 200 });
    expect(received[0]?.json).toMatchObject({ event: "test" });
    expect(await notifier.test("nobody")).toBeUndefined();
  });
});

describe("an Alertmanager", () => {
  const alertmanager = (url: string, more = {}) => ({ name: "am", type: "alertmanager", url, ...more });
  type Alert = { labels: Record<string, string>; annotations: Record<string, string>; startsAt?: string; endsAt?: string };
  const alertsOf = (received: { json: unknown } | undefined) =>
    ((received?.json ?? []) as Alert[]).filter(({ labels }) => labels.alertname === "RipcordIncident");

  test("hears again and again of what stands, and of its end", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(alertmanager(url, { labels: { severity: "page", team: "vm" } }));
    change(notifier);
    await pass(notifier, 4);
    await until(() => outcomes.length === 1);
    expect(received[0]).toMatchObject({ method: "POST", path: "/api/v2/alerts" });
    const labels = { alertname: "RipcordIncident", incident_id: "inc-1", ripcord: "hub-1", severity: "page", team: "vm" };
    expect(alertsOf(received[0])).toMatchObject([{ labels, annotations: { summary: expect.stringContaining("#12 db-07 waits") } }]);
    expect(alertsOf(received[0])[0]?.endsAt).toBeUndefined();
    change(notifier, { troubledCount: 9, memberCount: 9, worstKind: "silent", title: "9 VMs" });
    await pass(notifier, 4);
    await until(() => outcomes.length === 2);
    expect(alertsOf(received[1])[0]?.labels).toEqual(labels);
    await pass(notifier, 61);
    await until(() => outcomes.length >= 3);
    change(notifier, { state: "resolved" });
    await pass(notifier, 4);
    await until(() => alertsOf(received.at(-1))[0]?.endsAt !== undefined);
    expect(alertsOf(received.at(-1))[0]?.labels).toEqual(labels);
    await pass(notifier, 61);
    await until(() => alertsOf(received.at(-1)).length === 0);
  });

  test("hears of an end that came while no hub was there", async () => {
    const { url, received } = await startReceiver();
    const first = await open(alertmanager(url));
    change(first);
    await pass(first, 4);
    await until(() => outcomes.length === 1);
    await first.close();
    incidents.clear();
    const second = await open(alertmanager(url));
    await pass(second, 1);
    await until(() => received.length === 2);
    expect(alertsOf(received[1])).toMatchObject([{ labels: { incident_id: "inc-1" }, endsAt: expect.any(String) }]);
  });

  test("that fails gets the state as it then is, later", async () => {
    const { url, received, state } = await startReceiver(failing(500));
    const notifier = await open(alertmanager(url));
    change(notifier);
    await pass(notifier, 1);
    await until(() => outcomes.length === 1);
    clock.setBy(-3_600_000);
    state.answer = (response) => void response.end();
    change(notifier, { title: "changed meanwhile" });
    await pass(notifier, 4);
    await until(() => outcomes.length >= 2);
    expect(alertsOf(received.at(-1))[0]?.annotations.summary).toBe("#12 changed meanwhile");
    const { startsAt = "" } = alertsOf(received.at(-1))[0] ?? {};
    expect(Date.parse(startsAt)).toBeLessThanOrEqual(clock.nowMs());
  });

  test("hears the watchdog as long as Ripcord is well", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(alertmanager(url));
    await pass(notifier, 1);
    await until(() => received.length === 1);
    expect(received[0]?.json).toMatchObject([{ labels: { alertname: "RipcordWatchdog", severity: "none" } }]);
    trouble = "the record cannot be written";
    change(notifier);
    await pass(notifier, 61);
    await until(() => received.length >= 2);
    expect(JSON.stringify(received.at(-1)?.json)).not.toContain("RipcordWatchdog");
  });

  test("is asked with its token", async () => {
    const { url, received } = await startReceiver();
    const notifier = await open(alertmanager(url, { tokenFile: join(folder, "secret") }));
    expect(await notifier.test("am")).toMatchObject({ kind: "delivered" });
    expect(received[0]?.headers.authorization).toBe(`Bearer ${SECRET}`);
  });
});
