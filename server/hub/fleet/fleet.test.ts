import { beforeEach, describe, expect, test } from "vitest";
import type { VmDetail } from "#lib/api/vm";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { guestDisk, hungVm, serialConsole, vmReport } from "../../../tests/support/vm-report.ts";
import { Fleet, PULSE_LOST_AFTER_MS } from "./fleet.ts";

let clock: ManualClock;
let fleet: Fleet;
let ended: VmDetail[];
let details: string[][];
let bridgeChanges: number;
const hello = (bridgeId: string) => ({ bridgeId, label: `host-${bridgeId}`, isSimulated: false });

beforeEach(() => {
  clock = new ManualClock();
  ended = [];
  details = [];
  bridgeChanges = 0;
  fleet = new Fleet({
    clock,
    epoch: "epoch",
    events: {
      rowsChanged: () => undefined,
      detailsChanged: (vmIds) => details.push(vmIds),
      bridgesChanged: () => (bridgeChanges += 1),
      vmEnded: (detail) => ended.push(detail),
    },
  });
  fleet.bridgeConnected(hello("one"));
  fleet.replace("one", [vmReport({ vmId: "aaaaaa" }), vmReport({ vmId: "bbbbbb" })]);
});

const kinds = () => fleet.rows().map((row) => row.health.kind);

describe("revisions", () => {
  test("grow by one for everything that came at once, and not for what says nothing new", () => {
    const before = fleet.revision;
    fleet.update("one", [hungVm({ vmId: "aaaaaa" }), hungVm({ vmId: "bbbbbb" })], []);
    expect(fleet.revision).toBe(before + 1);
    expect(fleet.rows().map((row) => row.changedAtRevision)).toEqual([before + 1, before + 1]);
    fleet.update("one", [hungVm({ vmId: "aaaaaa" })], []);
    expect(fleet.revision).toBe(before + 1);
    expect(details.at(-1)).toEqual(["aaaaaa"]);
  });

  test("a delta has the newest rows and the removals, and the snapshot is the same as JSON", () => {
    const before = fleet.revision;
    fleet.update("one", [hungVm({ vmId: "aaaaaa" })], ["bbbbbb"]);
    expect(fleet.deltaSince("epoch", before)).toEqual({
      epoch: "epoch",
      fromRevision: before,
      toRevision: fleet.revision,
      changed: fleet.rows(),
      removed: ["bbbbbb"],
    });
    expect(JSON.parse(fleet.snapshotJson())).toMatchObject({
      epoch: "epoch",
      revision: fleet.revision,
      vms: JSON.parse(JSON.stringify(fleet.rows())) as object,
    });
    expect(fleet.deltaSince("other", before)).toBeUndefined();
  });
});

describe("a lost bridge", () => {
  test("makes its VMs unknown and nobody else's, and its snapshot makes them known", () => {
    fleet.bridgeConnected(hello("two"));
    fleet.replace("two", [vmReport({ vmId: "cccccc" })]);
    fleet.bridgeDisconnected("one");
    expect(kinds()).toEqual(["unknown", "unknown", "healthy"]);
    expect(fleet.bridges()[0]).toMatchObject({ isConnected: false, isSyncing: false });
    fleet.bridgeConnected(hello("one"));
    expect(kinds()).toEqual(["unknown", "unknown", "healthy"]);
    expect(fleet.bridges()[0]).toMatchObject({ isConnected: true, isSyncing: true });
    fleet.replace("one", [vmReport({ vmId: "aaaaaa" })]);
    expect(fleet.bridges()[0]).toMatchObject({ isConnected: true, isSyncing: false });
    expect(kinds()).toEqual(["healthy", "healthy"]);
    expect(ended).toMatchObject([{ vmId: "bbbbbb", endedReason: "no longer reported by its bridge" }]);
  });

  test("is also one that says nothing for too long, until its next word", () => {
    clock.advance(PULSE_LOST_AFTER_MS);
    fleet.checkPulses();
    expect(kinds()).toEqual(["healthy", "healthy"]);
    clock.advance(1);
    fleet.checkPulses();
    expect(kinds()).toEqual(["unknown", "unknown"]);
    expect(fleet.bridges()[0]).toMatchObject({ isConnected: false, lostSinceAtMs: clock.nowMs() });
    fleet.heard("one");
    expect(kinds()).toEqual(["healthy", "healthy"]);
  });

  test("keeps the time at which it was lost through a second loss without a snapshot between", () => {
    fleet.bridgeDisconnected("one");
    const lostAtMs = clock.nowMs();
    clock.advance(3_000);
    fleet.bridgeConnected(hello("one"));
    clock.advance(3_000);
    fleet.bridgeDisconnected("one");
    expect(fleet.rows()[0]!.health.sinceAtMs).toBe(lostAtMs);
  });
});

test("another bridge cannot speak for a VM that is not its own", () => {
  fleet.bridgeConnected(hello("two"));
  fleet.replace("two", [hungVm({ vmId: "aaaaaa" })]);
  fleet.update("two", [], ["bbbbbb"]);
  expect(fleet.detail("aaaaaa")!.health.kind).toBe("healthy");
  expect(fleet.detail("bbbbbb")).toBeDefined();
});

test("a VM that ended tells why, and leaves", () => {
  fleet.update("one", [vmReport({ vmId: "aaaaaa", ended: { reason: "shutdown", ageMs: 100 } })], []);
  expect(ended).toMatchObject([{ vmId: "aaaaaa", endedReason: "shutdown", endedAtMs: clock.nowMs() - 100 }]);
  expect(fleet.detail("aaaaaa")).toBeUndefined();
});

test("a VM whose process was gone, and which was dismissed, says so", () => {
  const { health } = vmReport({ vmId: "aaaaaa" });
  fleet.update("one", [vmReport({ vmId: "aaaaaa", health: { ...health, verdict: { kind: "unreachable", reason: "process-gone" } } })], []);
  fleet.update("one", [], ["aaaaaa"]);
  expect(ended).toMatchObject([{ vmId: "aaaaaa", endedReason: "process-gone" }]);
});

test("an act shows on the row, also on one that is reported only later", () => {
  const act = { actId: "act-1", who: "local operator", sinceAtMs: 5 };
  fleet.setAct("aaaaaa", act);
  fleet.setAct("later0", act);
  fleet.update("one", [vmReport({ vmId: "later0" })], []);
  expect(fleet.rows().map((row) => row.actInProgress)).toEqual([act, undefined, act]);
  fleet.setAct("aaaaaa", undefined);
  expect(fleet.rows()[0]!.actInProgress).toBeUndefined();
});

test("exact readings are of this process only", () => {
  const counters = { eventsSeen: 1, repliesDropped: 0, lateReplies: 0, bytesRead: 10, reconnects: 0 };
  fleet.setReadings("one", { vmId: "aaaaaa", inBandRoundTripMs: 0.4, counters });
  expect(fleet.detail("aaaaaa")!.readings).toMatchObject({ inBandRoundTripMs: 0.4, atMs: clock.nowMs() });
  fleet.update("one", [vmReport({ vmId: "aaaaaa", incarnation: { id: "other", by: "process" } })], []);
  expect(fleet.detail("aaaaaa")!.readings).toBeUndefined();
});

test("a bridge that is refused again and again for one reason is told of once, with the newest time", () => {
  const before = bridgeChanges;
  for (let attempt = 0; attempt < 50; attempt += 1) {
    clock.advance(10);
    fleet.bridgeRefused("one", "bad-token");
    fleet.bridgeRefused("nobody", "bad-token");
  }
  expect(bridgeChanges).toBe(before + 1);
  expect(fleet.bridges()[0]?.refused).toEqual({ reason: "bad-token", atMs: clock.nowMs() });
});

describe("what one VM says of another", () => {
  const leadsTo = (vmId: string, exportName: string) => {
    const server = { key: "nbd:nas", text: "NBD server nas" };
    const farSide = { key: `nbd:nas:${exportName}`, text: `NBD server nas, export ${exportName}`, server };
    return hungVm({ vmId, instances: [guestDisk({ farSide }), serialConsole()] });
  };
  const reasons = (vmId: string) => fleet.detail(vmId)!.instances[0]!.suspicion.reasons.join("\n");

  test("others in trouble on the same server count, whatever export and host they have, and a little later", () => {
    fleet.bridgeConnected(hello("two"));
    fleet.replace("two", [leadsTo("cccccc", "c")]);
    fleet.update("one", [leadsTo("aaaaaa", "a"), leadsTo("bbbbbb", "b")], []);
    details.length = 0;
    clock.advance(1_000);
    expect(reasons("aaaaaa")).toContain("2 other VMs in trouble lead to the same far side");
    expect(reasons("cccccc")).toContain("2 other VMs in trouble lead to the same far side");
    expect(details.flat().toSorted()).toEqual(["aaaaaa", "bbbbbb", "cccccc"]);
    fleet.update("one", [vmReport({ vmId: "bbbbbb" })], ["aaaaaa"]);
    clock.advance(1_000);
    expect(reasons("cccccc")).not.toContain("other VM");
    const told = details.length;
    clock.advance(10_000);
    expect(details).toHaveLength(told);
  });

  test("a migration that reads completed is called out until its destination is seen to run, on any host", () => {
    const migration = { direction: "outgoing", status: "completed", startId: "m", transferredBytes: 1_000, sampleAgeMs: 10 } as const;
    const runState = (value: "postmigrate" | "inmigrate" | "running") => ({ value, ageMs: 5, isLastKnown: false });
    fleet.bridgeConnected(hello("two"));
    fleet.replace("two", [vmReport({ vmId: "cccccc", name: "db", runState: runState("inmigrate") })]);
    fleet.update("one", [vmReport({ vmId: "aaaaaa", name: "db", runState: runState("postmigrate"), migration })], []);
    const codes = () => fleet.detail("aaaaaa")!.helps.map((help) => help.code);
    expect(codes()).toEqual(["check-destination"]);
    fleet.update("two", [vmReport({ vmId: "cccccc", name: "db", runState: runState("running") })], []);
    expect(codes()).toEqual([]);
    fleet.update("two", [], ["cccccc"]);
    expect(codes()).toEqual([]);
  });
});
