import { describe, expect, test } from "vitest";
import { guestDisk, hungVm, migrationInstance, serialConsole, vmReport } from "../../tests/support/vm-report.ts";
import type { Verdict } from "../health/verdict.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import type { DiskReport } from "../vm/disk.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { MigrationReport, VmReport } from "../vm/report.ts";
import type { SocketReport } from "../vm/socket.ts";
import { VERIFY_FOR_MS } from "./act.ts";
import type { ActProgress } from "./act.ts";
import type { ActBaseline } from "./act-baseline.ts";
import { judgeAct, startJudging } from "./judge-act.ts";
import type { ActReading } from "./judge-act.ts";
import type { Action } from "./plan.ts";

const NBD: KnownYankInstance = { type: "block-node", "node-name": "nbd0" };
const SERIAL: KnownYankInstance = { type: "chardev", id: "ser0" };
const MIGRATION: KnownYankInstance = { type: "migration" };
const HUNG: Verdict = { kind: "main-loop-hung", cord: "in-reach" };
const HEALTHY: Verdict = { kind: "healthy" };
const ESTABLISHED: SocketReport = { transport: "tcp", state: "ESTAB", local: "10.0.0.1:40000", peer: "10.0.0.9:10809" };

const disk = (overrides: Partial<InstanceReport> = {}) =>
  guestDisk({ serves: { kind: "guest-disk", owner: "vda", through: ["fmt0"], werror: "report", rerror: "report" }, ...overrides });
const counters = (device: string, completedCount: number, outstandingCount?: number): DiskReport => ({
  device,
  completedCount,
  wasBusy: true,
  ageMs: 0,
  ...(outstandingCount === undefined ? {} : { outstandingCount }),
});

function vm(verdict: Verdict, overrides: Partial<VmReport> = {}): VmReport {
  const base = verdict.kind === "main-loop-hung" ? hungVm : vmReport;
  return base({
    vmId: "vm0001",
    health: { verdict, sinceAgeMs: 20_000, readingAgeMs: 10, evidence: [] },
    instances: [disk()],
    ...overrides,
  });
}

function migration(status: string, overrides: Partial<MigrationReport> = {}): Pick<VmReport, "migration" | "instances"> {
  return {
    migration: { direction: "outgoing", status, startId: "m1", sampleAgeMs: 10, uri: "tcp:10.0.0.4:4444", ...overrides },
    instances: [migrationInstance()],
  };
}

function baseline(report: VmReport, instances: KnownYankInstance[] = [NBD], action: Action = "yank"): ActBaseline {
  return { action, instances, report };
}

const SENT: ActReading[] = [{ type: "written" }, { type: "replied", replyAfterMs: 1 }];

/** What is seen in the window: the same report at every probe, and its end. */
function seen(after: VmReport, events: string[] = []): ActReading[] {
  const probes = [5, 300, 1_300, 2_300].map((elapsedMs): ActReading => ({
    type: "in-band-answered",
    elapsedMs,
    report: after,
    events,
    hasShutDown: false,
  }));
  return [...SENT, ...probes, { type: "time-passed", elapsedMs: VERIFY_FOR_MS, report: after }];
}

function outcome(from: ActBaseline, readings: ActReading[]): ActProgress {
  return readings.reduce(judgeAct, startJudging(from)).progress;
}

describe("what recovered is said exactly", () => {
  test.each([
    ["the main loop", baseline(vm(HUNG)), vm(HEALTHY), ["main-loop"]],
    ["the I/O", baseline(vm({ kind: "io-stalled", nodes: ["fmt0"] })), vm(HEALTHY), ["io"]],
    [
      "main loop and I/O, where requests were outstanding and have ended",
      baseline(vm(HUNG, { disks: [counters("vda", 100, 1)] })),
      vm(HEALTHY, { disks: [counters("vda", 140)] }),
      ["main-loop", "io"],
    ],
    [
      "the migration's state and the guest, which had been stopped by its switchover",
      baseline(vm(HUNG, { ...migration("active"), runState: { value: "finish-migrate", ageMs: 9_000, isLastKnown: true } }), [MIGRATION]),
      vm(HEALTHY, migration("failed")),
      ["main-loop", "migration", "guest"],
    ],
    [
      "a migration that stood still",
      baseline(vm({ kind: "migration-stalled", migrationStatus: "active" }, migration("active")), [MIGRATION]),
      vm(HEALTHY, migration("failed")),
      ["migration"],
    ],
  ] as [string, ActBaseline, VmReport, string[]][])("%s", (_name, from, after, recoveredParts) => {
    expect(outcome(from, seen(after))).toMatchObject({ verdict: "recovered", recoveredParts, isFinal: true });
  });

  test("of two disks that stood still the one that was cut recovers while the other does not", () => {
    const other = disk({
      instance: { type: "block-node", "node-name": "nbd1" },
      serves: { kind: "guest-disk", owner: "vdb", through: ["fmt1"] },
    });
    const instances = [disk(), other];
    const from = baseline(vm({ kind: "io-stalled", nodes: ["fmt0", "fmt1"] }, { instances }));
    expect(outcome(from, seen(vm({ kind: "io-stalled", nodes: ["fmt1"] }, { instances })))).toMatchObject({
      verdict: "recovered",
      recoveredParts: ["io"],
    });
    expect(outcome(from, seen(vm({ kind: "io-stalled", nodes: ["fmt0", "fmt1"] }, { instances })))).toMatchObject({
      verdict: "no-visible-effect",
    });
  });

  test("I/O that ended in errors which pause the guest, as foretold, is an effect and no recovery", () => {
    const stops = disk({ serves: { kind: "guest-disk", owner: "vda", through: ["fmt0"], werror: "stop", rerror: "stop" } });
    const paused = vm(
      { kind: "guest-stopped", runState: "io-error" },
      { instances: [stops], runState: { value: "io-error", ageMs: 10, isLastKnown: false } },
    );
    const from = baseline(vm({ kind: "io-stalled", nodes: ["fmt0"] }, { instances: [stops] }));
    expect(outcome(from, seen(paused, ["BLOCK_IO_ERROR", "STOP"]))).toMatchObject({
      verdict: "took-effect",
      detail: "the requests that stood still ended in I/O errors, and the guest is paused by them",
      aftermath: [
        "the guest is paused by an I/O error (io-error), as foretold",
        "requests to the cut node ended in I/O errors, as foretold",
      ],
    });
    const unforetold = baseline(vm({ kind: "io-stalled", nodes: ["fmt0"] }));
    expect(outcome(unforetold, seen(paused, ["BLOCK_IO_ERROR", "STOP"]))).toMatchObject({ verdict: "worse" });
  });
});

describe("a postcopy that is paused", () => {
  test.each(["outgoing", "incoming"] as const)("took effect where it ran, %s", (direction) => {
    const from = baseline(vm(HEALTHY, migration("postcopy-active", { direction })), [], "pause-postcopy");
    expect(outcome(from, seen(vm(HEALTHY, migration("postcopy-paused", { direction }))))).toMatchObject({
      verdict: "took-effect",
      detail: "the migration was postcopy-active and is postcopy-paused now",
    });
  });

  test("took effect where it stood still, and is no recovery before both sides are recovered", () => {
    const from = baseline(
      vm({ kind: "migration-stalled", migrationStatus: "postcopy-active" }, migration("postcopy-active")),
      [],
      "pause-postcopy",
    );
    const after = vm({ kind: "migration-stalled", migrationStatus: "postcopy-paused" }, migration("postcopy-paused"));
    expect(outcome(from, seen(after))).toMatchObject({
      verdict: "took-effect",
      detail: "the postcopy migration is paused now, and waits to be recovered on both sides",
    });
  });
});

describe("a cut of an idle NBD node of a VM that is well", () => {
  test("is proved by its connection, which is gone for good", () => {
    const from = baseline(vm(HEALTHY, { instances: [disk({ connection: "connected" })] }));
    expect(outcome(from, seen(vm(HEALTHY, { instances: [disk({ connection: "given-up" })] })))).toMatchObject({
      verdict: "took-effect",
      detail: "block-node:nbd0 was connected and is given-up now",
    });
  });

  test("is proved by its socket, which is not there any more", () => {
    const from = baseline(vm(HEALTHY, { instances: [disk({ connection: "unknown", sockets: [ESTABLISHED] })] }));
    expect(outcome(from, seen(vm(HEALTHY, { instances: [disk({ connection: "unknown", sockets: [] })] })))).toMatchObject({
      verdict: "took-effect",
    });
  });

  test("is not proved by sockets that nobody looked at again", () => {
    const from = baseline(vm(HEALTHY, { instances: [disk({ connection: "unknown", sockets: [ESTABLISHED] })] }));
    expect(outcome(from, seen(vm(HEALTHY, { instances: [disk({ connection: "unknown" })] })))).toMatchObject({
      verdict: "no-visible-effect",
    });
  });
});

test("a client that connects again within a moment is known by its new socket", () => {
  const from = baseline(vm(HEALTHY, { instances: [serialConsole({ sockets: [ESTABLISHED] })] }), [SERIAL]);
  const after = vm(HEALTHY, { instances: [serialConsole({ sockets: [{ ...ESTABLISHED, local: "10.0.0.1:40022" }] })] });
  expect(outcome(from, seen(after))).toMatchObject({ verdict: "took-effect", detail: "chardev:ser0 was cut, and is connected again" });
});

describe("an accepted yank without a visible effect says why", () => {
  test.each([
    ["connecting", "nbd0 was still being connected, which yank does not reach"],
    ["reconnecting", "nbd0 was waiting to reconnect, which yank does not reach"],
    ["given-up", "nbd0 had no connection to cut"],
  ] as const)("of a node that is %s", (connection, why) => {
    const stuck = vm(HUNG, {
      instances: [disk({ connection })],
      lanes: { inBand: { state: "open", openAgeMs: 20_000 }, outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 } },
    });
    const { verdict, detail } = outcome(baseline(stuck), [...SENT, { type: "time-passed", elapsedMs: VERIFY_FOR_MS, report: stuck }]);
    expect(verdict).toBe("no-visible-effect");
    expect(detail).toContain(why);
  });

  test("of a connection that is still established", () => {
    const after = vm(HEALTHY, { instances: [disk({ sockets: [ESTABLISHED] })] });
    expect(outcome(baseline(vm(HEALTHY)), seen(after)).detail).toContain("nbd0 still has an established connection to 10.0.0.9:10809");
  });

  test.each([
    ["setup", {}, "the migration was still connecting"],
    ["active", { uri: "exec:cat" }, "its channel is not a connection of QEMU's own"],
    ["active", { uri: undefined, channel: "file" as const }, "its channel is not a connection of QEMU's own"],
    ["postcopy-paused", {}, "without a connection"],
    ["pre-switchover", {}, "fails only when it is told to continue"],
    ["setup", { direction: "incoming" as const }, "no source was connected"],
  ])("of a migration that is %s %j", (status, overrides, why) => {
    const before = vm(HEALTHY, migration(status, overrides));
    expect(outcome(baseline(before, [MIGRATION]), seen(before)).detail).toContain(why);
  });
});

describe("a yank of the line that it is sent on", () => {
  const from = baseline(vm(HEALTHY, { instances: [serialConsole()] }), [SERIAL]);
  const lost = (elapsedMs: number): ActReading => ({
    type: "connection-lost",
    elapsedMs,
    report: vm({ kind: "unreachable", reason: "lost" }, { instances: [serialConsole()] }),
    events: [],
    hasShutDown: false,
  });
  const unknown: ActReading = { type: "failed", outcome: "unknown", detail: "the connection ended" };
  const again = (report: VmReport): ActReading => ({ type: "in-band-answered", elapsedMs: 1_500, report, events: [], hasShutDown: false });

  test("is a connection lost by this act, also when the same QEMU answers on a new one", () => {
    const same = vm(HEALTHY, { instances: [serialConsole()] });
    expect(outcome(from, [{ type: "written" }, lost(2), unknown, again(same)])).toMatchObject({
      state: "unknown",
      verdict: "connection-lost",
      isFinal: true,
      detail:
        "the connection ended with the yank that was sent on it: one of these chardevs carried it; the same QEMU answers on a new one",
    });
  });

  test("is not taken for another QEMU where a process can be told by its connection alone", () => {
    const other = vm(HEALTHY, { instances: [serialConsole()], incarnation: { id: "another", by: "connection" } });
    expect(outcome(from, [{ type: "written" }, lost(2), unknown, again(other)])).toMatchObject({ verdict: "connection-lost" });
    const process = vm(HEALTHY, { instances: [serialConsole()], incarnation: { id: "another", by: "process" } });
    expect(outcome(from, [{ type: "written" }, lost(2), unknown, again(process)])).toMatchObject({ verdict: "worse" });
  });

  test("is not what happened where the connection ended later, or after the reply", () => {
    const same = vm(HEALTHY, { instances: [serialConsole()] });
    const late = outcome(from, [...SENT, lost(4_000), again(same), { type: "time-passed", elapsedMs: VERIFY_FOR_MS, report: same }]);
    expect(late.verdict).not.toBe("connection-lost");
  });
});

test("a process that ends as it had been asked to has recovered by ending", () => {
  const ended = vm({ kind: "unreachable", reason: "process-gone" });
  const reading: ActReading = { type: "connection-lost", elapsedMs: 40, report: ended, events: ["SHUTDOWN"], hasShutDown: true };
  expect(outcome(baseline(vm(HUNG)), [...SENT, reading])).toMatchObject({ verdict: "recovered", recoveredParts: ["process-ended"] });
});
