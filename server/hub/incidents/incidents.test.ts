import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { VmDetail } from "#lib/api/vm";
import type { IncidentSummary } from "#lib/incident/incident";
import type { VmReport } from "#lib/vm/report";
import { silentLog } from "#server/log";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { guestDisk, hungVm, monitorChardev, vmReport } from "../../../tests/support/vm-report.ts";
import { Fleet } from "../fleet/fleet.ts";
import { AuditLog } from "../store/audit-log.ts";
import { IncidentStore } from "../store/incident-store.ts";
import { openStore } from "../store/open-store.ts";
import type { Store } from "../store/open-store.ts";
import { Incidents } from "./incidents.ts";

const RESOLVE_AFTER_MS = 300_000;
const ME = { who: "me" };

let dataDir: string;
let store: Store;
let clock: ManualClock;
let fleet: Fleet;
let incidents: Incidents;
let incidentStore: IncidentStore;
let told: IncidentSummary[][];
/** Views that the fleet made, and times that it told of changes. */
let detailChanges: number;

async function start(): Promise<void> {
  store = await openStore(dataDir);
  const audit = await AuditLog.open(store.record, clock);
  incidentStore = new IncidentStore(store.record, audit);
  told = [];
  detailChanges = 0;
  fleet = new Fleet({
    clock,
    epoch: "epoch",
    events: {
      rowsChanged: () => undefined,
      detailsChanged: (vmIds) => {
        detailChanges += vmIds.length;
        incidents.vmsChanged(vmIds);
      },
      bridgesChanged: () => undefined,
      vmEnded: (vm: VmDetail) => incidents.vmEnded(vm),
    },
  });
  incidents = await Incidents.open({
    fleet,
    store: incidentStore,
    audit,
    clock,
    log: silentLog(),
    resolveAfterMs: RESOLVE_AFTER_MS,
    onChanged: (changed) => told.push(changed),
  });
  clock.every(1_000, () => incidents.tick());
}

async function stop(): Promise<void> {
  fleet.close();
  await incidents.close();
  await store.close();
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "ripcord-incidents-"));
  clock = new ManualClock();
  await start();
});
afterEach(async () => {
  await stop();
  rmSync(dataDir, { recursive: true });
});

function connect(bridgeId: string, reports: VmReport[]): void {
  fleet.bridgeConnected({ bridgeId, label: `host-${bridgeId}`, isSimulated: true });
  fleet.replace(bridgeId, reports);
}

const vmIdAt = (index: number) => `vm${String(index).padStart(6, "0")}`;
/** A VM that hangs on an export of its own of a server that serves every host. */
function hungOn(server: string, vmId: string, overrides: Partial<VmReport> = {}): VmReport {
  const farSide = {
    key: `nbd:${server}:${vmId}`,
    text: `NBD server ${server}, export ${vmId}`,
    server: { key: `nbd:${server}`, text: `NBD server ${server}` },
  };
  return hungVm({ vmId, instances: [guestDisk({ farSide }), monitorChardev()], ...overrides });
}
const list = async () => (await incidents.list({ limit: 500 })).map(({ number, state, title }) => `#${number} ${state}: ${title}`);
const first = async () => (await incidents.incident((await incidents.list({ limit: 1 }))[0]!.incidentId))!;

describe("200 VMs of 2,000 on four hosts that hang on one dead server", () => {
  const hosts = ["a", "b", "c", "d"];
  const idsOf = (host: string) => Array.from({ length: 500 }, (_, index) => vmIdAt(hosts.indexOf(host) * 1_000 + index));
  const healthy = (vmId: string) => vmReport({ vmId, instances: hungOn("nas:1", vmId).instances });

  beforeEach(() => {
    for (const host of hosts) connect(host, idsOf(host).map(healthy));
    clock.advance(1_000);
  });

  test("are one incident within five seconds of their verdicts, however they trickle in", async () => {
    // One after the other over two seconds, as the bridges' probes find them.
    for (let index = 0; index < 50; index += 1) {
      for (const host of hosts) fleet.update(host, [hungOn("nas:1", idsOf(host)[index]!)], []);
      clock.advance(40);
    }
    clock.advance(3_000);
    expect(await list()).toEqual(["#1 open: 200 VMs wait on NBD server nas:1"]);
    expect((await first()).members).toHaveLength(200);
    expect(fleet.rows().filter((row) => row.incidentId !== undefined)).toHaveLength(200);
  });

  test("cost no more than a few looks at each of them", () => {
    const before = detailChanges;
    for (let index = 0; index < 50; index += 1) {
      for (const host of hosts) fleet.update(host, [hungOn("nas:1", idsOf(host)[index]!)], []);
      clock.advance(40);
    }
    clock.advance(10_000);
    // Its own report, its incident, and what others say of it a few times; never once for each of the others.
    expect((detailChanges - before) / 200).toBeLessThan(12);
    // And nobody is told more often than twice a second.
    expect(told.length).toBeLessThan(30);
    const settled = detailChanges;
    clock.advance(60_000);
    expect(detailChanges).toBe(settled);
  });

  test("recover as one, and one relapse of many is a number and not a list", async () => {
    for (const host of hosts)
      fleet.update(
        host,
        idsOf(host)
          .slice(0, 50)
          .map((vmId) => hungOn("nas:1", vmId)),
        [],
      );
    clock.advance(2_000);
    for (const host of hosts) fleet.update(host, idsOf(host).slice(0, 50).map(healthy), []);
    clock.advance(2_000);
    expect(await first()).toMatchObject({ state: "mitigated", troubledCount: 0, recoveredAfterMs: 39_200, detectedAfterMs: 37_200 });
    for (const host of hosts)
      fleet.update(
        host,
        idsOf(host)
          .slice(0, 50)
          .map((vmId) => hungOn("nas:1", vmId)),
        [],
      );
    clock.advance(2_000);
    expect(await first()).toMatchObject({ number: 1, state: "open", troubledCount: 200, flapCount: 200 });
  });
});

describe("a restart of the hub", () => {
  test("loses no incident, and counts none twice", async () => {
    connect("a", [hungOn("nas:1", "vmaaaa"), hungOn("nas:1", "vmbbbb")]);
    clock.advance(1_000);
    const before = await first();
    await incidents.note(before.incidentId, "on it", ME);
    await stop();
    clock.advance(20_000);
    await start();
    expect((await first()).members).toMatchObject([{ isNotKnown: true, isInTrouble: true }, { isNotKnown: true }]);
    connect("a", [hungOn("nas:1", "vmaaaa"), vmReport({ vmId: "vmbbbb" })]);
    clock.advance(2_000);
    const after = await first();
    expect(after).toMatchObject({
      incidentId: before.incidentId,
      number: 1,
      state: "open",
      troubledCount: 1,
      flapCount: 0,
      notes: [{ text: "on it", who: "me" }],
    });
    expect(fleet.rows().map((row) => row.incidentId)).toEqual([before.incidentId, before.incidentId]);
    fleet.update("a", [vmReport({ vmId: "vmaaaa" })], []);
    clock.advance(1_000);
    expect((await first()).recoveredAfterMs).toBe(37_000 + 1_000 + 20_000 + 2_000 + 200);
    clock.advance(RESOLVE_AFTER_MS + 1_000);
    expect(await list()).toEqual(["#1 resolved: 2 VMs were in trouble, connected to NBD server nas:1"]);
  });

  test("knows of a VM that ended meanwhile, once its bridge has told what it has", async () => {
    connect("a", [hungOn("nas:1", "vmaaaa")]);
    clock.advance(1_000);
    await stop();
    await start();
    clock.advance(5_000);
    expect(await first()).toMatchObject({ state: "open" });
    connect("a", []);
    clock.advance(2_000);
    const incident = await first();
    expect(incident.state).toBe("mitigated");
    expect(incident.members[0]!.endedAtMs).toBeDefined();
  });

  test("gives out no number twice, and remembers what a person has closed", async () => {
    connect("a", [hungOn("nas:1", "vmaaaa"), hungVm({ vmId: "vmbbbb", instances: [] })]);
    clock.advance(1_000);
    for (const { incidentId } of await incidents.list({ limit: 10 })) await incidents.resolve(incidentId, "known", ME);
    await stop();
    await start();
    clock.advance(10_000);
    const still = { sinceAgeMs: 48_000 };
    const report = hungOn("nas:1", "vmaaaa");
    connect("a", [{ ...report, health: { ...report.health, ...still } }, hungOn("nas:2", "vmcccc")]);
    clock.advance(1_000);
    expect((await incidents.list({ limit: 10 })).map(({ number, state }) => `${number} ${state}`)).toEqual([
      "3 open",
      "2 resolved",
      "1 resolved",
    ]);
  });
});

test("a VM that is moved to a common cause is told of as a member of that one", async () => {
  connect("a", [hungVm({ vmId: "vmaaaa", instances: [] }), hungVm({ vmId: "vmbbbb", instances: [] })]);
  clock.advance(1_000);
  expect(await list()).toHaveLength(2);
  fleet.update("a", [hungOn("nas:1", "vmaaaa"), hungOn("nas:1", "vmbbbb")], []);
  clock.advance(1_000);
  const [common, merged] = await incidents.list({ limit: 10 });
  expect([common, merged]).toMatchObject([
    { number: 1, state: "open", memberCount: 2 },
    { number: 2, state: "resolved", mergedIntoId: common!.incidentId },
  ]);
  expect(fleet.rows().map((row) => row.incidentId)).toEqual([common!.incidentId, common!.incidentId]);
});

test("a lost bridge changes nothing of what its members were", async () => {
  connect("a", [hungOn("nas:1", "vmaaaa")]);
  clock.advance(1_000);
  fleet.bridgeDisconnected("a");
  clock.advance(RESOLVE_AFTER_MS * 2);
  expect(await first()).toMatchObject({ state: "open", members: [{ isNotKnown: true, isInTrouble: true, kind: "main-loop-hung" }] });
  expect((await first()).worstKind).toBe("main-loop-hung");
});

test("a record that cannot be written keeps nobody from looking, and is written when it can be", async () => {
  const save = incidentStore.save.bind(incidentStore);
  incidentStore.save = () => Promise.reject(new Error("disk full"));
  connect("a", [hungOn("nas:1", "vmaaaa")]);
  clock.advance(1_000);
  await Promise.resolve();
  const { incidentId } = await first();
  expect(await incidentStore.incident(incidentId)).toBeUndefined();
  expect(await incidents.entries(incidentId, 10)).toMatchObject([{ text: "Opened: vmaaaa: main loop hung" }]);
  fleet.update("a", [vmReport({ vmId: "vmaaaa" })], []);
  clock.advance(RESOLVE_AFTER_MS + 5_000);
  expect(await incidents.list({ limit: 10 })).toMatchObject([{ incidentId, state: "resolved" }]);
  expect(await incidents.incident(incidentId)).toMatchObject({ members: [{ vmId: "vmaaaa", isInTrouble: false }] });
  incidentStore.save = save;
  await incidents.close();
  expect(await incidentStore.incident(incidentId)).toMatchObject({ state: "resolved", members: [{ vmId: "vmaaaa" }] });
  expect((await incidentStore.entries(incidentId, 10)).map((entry) => entry.text)).toEqual([
    "Opened: vmaaaa: main loop hung",
    "Mitigated: no member is in trouble any more",
    "Resolved: it stayed quiet",
  ]);
});

test("a clock that somebody sets is told of in what is open", async () => {
  connect("a", [hungOn("nas:1", "vmaaaa")]);
  clock.advance(1_000);
  clock.setBy(-3_600_000);
  clock.advance(1_000);
  const { incidentId } = await first();
  expect((await incidents.entries(incidentId, 10)).map((entry) => entry.text)).toContain("The hub's clock was set back by 3600 s");
  fleet.update("a", [vmReport({ vmId: "vmaaaa" })], []);
  clock.advance(1_000);
  const incident = await first();
  expect(incident).toMatchObject({ state: "mitigated", recoveredAfterMs: 39_200 });
  expect(incident.members[0]!.recoveredAtMs).toBeGreaterThanOrEqual(incident.members[0]!.sinceAtMs);
});

test("pages through those that are over", async () => {
  for (let index = 0; index < 5; index += 1) {
    connect("a", [hungVm({ vmId: `vm${index}aaa`, instances: [] })]);
    clock.advance(1_000);
  }
  for (const { incidentId } of await incidents.list({ limit: 10, state: "mitigated" })) await incidents.resolve(incidentId, undefined, ME);
  clock.advance(1_000);
  await incidents.close();
  const numbers = async (before?: number) =>
    (await incidents.list({ limit: 2, ...(before === undefined ? {} : { before }) })).map(({ number, state }) => `${number} ${state}`);
  expect(await numbers()).toEqual(["5 open", "4 resolved", "3 resolved"]);
  expect(await numbers(3)).toEqual(["2 resolved", "1 resolved"]);
});
