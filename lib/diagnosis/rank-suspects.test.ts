import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { guestDisk, hungVm, migrationInstance, monitorChardev, serialConsole, vmReport } from "../../tests/support/vm-report.ts";
import type { Verdict } from "../health/verdict.ts";
import { instanceKey } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { ThreadReport } from "../vm/process.ts";
import type { VmReport } from "../vm/report.ts";
import { CLUE_CODES } from "./clue.ts";
import type { Clue, ClueCode } from "./clue.ts";
import { firstSuspect } from "./first-suspect.ts";
import { rankSuspects, suspectsNote } from "./rank-suspects.ts";
import type { FarSidePeers } from "./rank-suspects.ts";
import { SUSPICION_SCORES } from "./suspicion.ts";
import type { SuspicionScore } from "./suspicion.ts";

const FOR = CLUE_CODES.slice(0, CLUE_CODES.indexOf("traffic-flows"));
const AGAINST = CLUE_CODES.slice(CLUE_CODES.indexOf("traffic-flows"), CLUE_CODES.indexOf("not-measured"));
const ALONE: FarSidePeers = { troubledCount: () => 0 };
const HUNG: Verdict = { kind: "main-loop-hung", cord: "in-reach" };
const SINCE_AGE_MS = 37_000;

const VERDICTS: Verdict[] = [
  HUNG,
  { kind: "silent", reason: "stopped" },
  { kind: "silent", reason: "no-oob" },
  { kind: "io-stalled", nodes: ["fmt0"] },
  { kind: "migration-stalled", migrationStatus: "active" },
  { kind: "guest-stopped", runState: "io-error" },
  { kind: "guest-stopped", runState: "guest-panicked" },
  { kind: "unreachable", reason: "process-gone" },
  { kind: "unknown", reason: "not-asked" },
  { kind: "monitor-busy" },
  { kind: "slow" },
  { kind: "healthy" },
];

const clue = (code: ClueCode, ageMs = 200): Clue => ({ code, text: `${code} read`, ageMs });
const clues = (...codes: ClueCode[]): { clues: Clue[] } => ({ clues: codes.map((code) => clue(code)) });

const disk = (overrides: Partial<InstanceReport> = {}) =>
  guestDisk({ serves: { kind: "guest-disk", owner: "vda", through: ["fmt0"] }, ...overrides });
const otherDisk = (overrides: Partial<InstanceReport> = {}) =>
  guestDisk({
    instance: { type: "block-node", "node-name": "nbd1" },
    serves: { kind: "guest-disk", owner: "vdb", through: ["fmt1"] },
    farSide: { key: "nbd:tcp:10.0.0.10:10809/exp", text: "NBD 10.0.0.10:10809" },
    ...overrides,
  });

function vm(verdict: Verdict, instances: InstanceReport[], overrides: Partial<VmReport> = {}): VmReport {
  return hungVm({
    vmId: "vm0001",
    health: { verdict, sinceAgeMs: SINCE_AGE_MS, readingAgeMs: 100, evidence: [] },
    instances,
    ...overrides,
  });
}

function scoreOf(verdict: Verdict, instance: InstanceReport, { peers = ALONE, beside = [] as InstanceReport[] } = {}): SuspicionScore {
  return rankSuspects(vm(verdict, [instance, ...beside]), peers).get(instanceKey(instance.instance))!.score;
}

test("an incoming migration is not cleared by having sent all it had to say", () => {
  const verdict: Verdict = { kind: "migration-stalled", migrationStatus: "active" };
  const incoming = migrationInstance({ serves: { kind: "migration-in" }, ...clues("migration-still", "idle-connection") });
  expect(scoreOf(verdict, incoming)).toBe("likely");
});

test("a throttle between a stalled disk and its node may hold it as well, until the node's own connection shows more", () => {
  const serves = { kind: "guest-disk" as const, owner: "vda", through: ["fmt0", "throttle0"], throughDrivers: ["raw", "throttle"] };
  const stalled: Verdict = { kind: "io-stalled", nodes: ["nbd0"] };
  expect(scoreOf(stalled, guestDisk({ serves, ...clues("work-outstanding") }))).toBe("possible");
  expect(scoreOf(stalled, guestDisk({ serves, ...clues("work-outstanding", "unread-at-peer") }))).toBe("almost-certainly");
});

describe("a suspect of a hung main loop", () => {
  test.each([
    [["sent-unanswered"], "likely"],
    [["unsent-bytes"], "likely"],
    [["unread-at-peer"], "likely"],
    [["work-outstanding"], "likely"],
    [["being-connected"], "likely"],
    [["counters-frozen"], "possible"],
    [["stop-unanswered"], "possible"],
    [["recent-event"], "possible"],
    [["stop-unanswered", "recent-event", "counters-frozen"], "possible"],
    // Three readings of one socket are one observation.
    [["sent-unanswered", "unsent-bytes", "unread-at-peer"], "likely"],
    [["work-outstanding", "sent-unanswered"], "almost-certainly"],
    [["unread-at-peer", "stop-unanswered"], "almost-certainly"],
    [["traffic-flows"], "not-involved"],
    [["idle-connection"], "not-involved"],
    [["nothing-connected"], "not-involved"],
    [["work-completes"], "not-involved"],
    [["stop-unanswered", "idle-connection"], "not-involved"],
    [["work-outstanding", "idle-connection"], "possible"],
    [["work-outstanding", "unread-at-peer", "traffic-flows"], "likely"],
    [["not-measured"], "cannot-tell"],
    // A drain flushes also where the guest has no request under way.
    [["no-work-outstanding"], "cannot-tell"],
    [["unread-at-peer", "no-work-outstanding"], "likely"],
    [[], "cannot-tell"],
  ] as [ClueCode[], SuspicionScore][])("with %j is %s, of a block node beside another", (codes, expected) => {
    expect(scoreOf(HUNG, disk(clues(...codes)), { beside: [otherDisk()] })).toBe(expected);
  });

  test.each([
    [["vcpu-in-write"], "likely"],
    [["vcpu-in-write", "unread-at-peer"], "almost-certainly"],
    [["unsent-bytes"], "possible"],
    [["unsent-bytes", "unread-at-peer"], "possible"],
    // A console's reader answers nothing, ever.
    [["sent-unanswered"], "cannot-tell"],
    [["traffic-flows"], "not-involved"],
    [[], "cannot-tell"],
  ] as [ClueCode[], SuspicionScore][])("with %j is %s, of a console: it holds the main loop only through a vCPU", (codes, expected) => {
    expect(scoreOf(HUNG, serialConsole(clues(...codes)), { beside: [otherDisk()] })).toBe(expected);
  });

  test("is a vhost-user backend that does not answer, though no vCPU writes", () => {
    expect(scoreOf(HUNG, serialConsole({ serves: { kind: "vhost-user" }, ...clues("sent-unanswered") }))).toBe("likely");
  });

  test.each([
    [["switchover"], "likely"],
    [["switchover", "unsent-bytes"], "almost-certainly"],
    // The migration's thread waits for the big lock like everybody else.
    [["migration-still"], "possible"],
    [["sent-unanswered"], "cannot-tell"],
  ] as [ClueCode[], SuspicionScore][])(
    "with %j is %s, of a migration: it holds the main loop only in its switchover",
    (codes, expected) => {
      expect(scoreOf(HUNG, migrationInstance(clues(...codes)), { beside: [otherDisk()] })).toBe(expected);
    },
  );

  test("is not a console where the main thread does not wait for the big lock", () => {
    const thread = (role: "main" | "vcpu", syscall: string): ThreadReport => ({ tid: 1, role, name: role, state: "S", syscall });
    const process = {
      pid: 4711,
      condition: "alive" as const,
      text: "alive",
      threads: [thread("main", "ppoll"), thread("vcpu", "futex")],
      ageMs: 100,
    };
    const suspicion = rankSuspects(vm(HUNG, [serialConsole(clues("unsent-bytes"))], { process }), ALONE).get("chardev:ser0");
    expect(suspicion?.score).toBe("not-involved");
    expect(suspicion?.reasons.join(" ")).toContain("no vCPU waits in a write");
  });

  test("is the migration whose child process the main thread waits for", () => {
    const process = {
      pid: 4711,
      condition: "alive" as const,
      text: "alive",
      threads: [{ tid: 4711, role: "main" as const, name: "qemu", state: "S", syscall: "wait4" }],
      children: [{ pid: 4800, name: "sh" }],
      ageMs: 100,
    };
    const report = vm(HUNG, [migrationInstance()], {
      process,
      migration: { direction: "outgoing", status: "cancelling", startId: "m", sampleAgeMs: 9, uri: "exec:cat" },
    });
    expect(rankSuspects(report, ALONE).get("migration")).toEqual({
      score: "likely",
      reasons: ["the main thread waits for its child pid 4800 (sh), which the migration started"],
    });
  });

  test("is not guilty by being alone", () => {
    const suspicions = rankSuspects(vm(HUNG, [disk(), monitorChardev()]), ALONE);
    expect(suspicions.get("block-node:nbd0")).toEqual({
      score: "possible",
      reasons: ["the only connection here that could be cut and could hold it", "nothing was measured that speaks for or against it"],
    });
    expect(firstSuspect(vm(HUNG, [disk()]), suspicions)).toBeUndefined();
  });

  test("is nobody where nothing points anywhere, and that is said", () => {
    const report = vm(HUNG, [disk(), otherDisk(), serialConsole()]);
    const suspicions = rankSuspects(report, ALONE);
    expect([...suspicions.values()].map(({ score }) => score)).toEqual(["cannot-tell", "cannot-tell", "cannot-tell"]);
    expect(suspectsNote(report, suspicions)).toContain("nothing that was measured points at any connection");
    const pointed = vm(HUNG, [disk(clues("unread-at-peer")), otherDisk()]);
    expect(suspectsNote(pointed, rankSuspects(pointed, ALONE))).toBeUndefined();
    const stopped = vm({ kind: "silent", reason: "stopped" }, [disk(), otherDisk()]);
    expect(suspectsNote(stopped, rankSuspects(stopped, ALONE))).toBeUndefined();
  });
});

describe("other VMs in trouble on the same far side", () => {
  const peers = (count: number): FarSidePeers => ({ troubledCount: (key) => (key === "nbd:tcp:10.0.0.9:10809/exp" ? count : 0) });

  test.each([
    [[], 1, "possible"],
    [[], 2, "likely"],
    [["unread-at-peer"], 1, "almost-certainly"],
    [["unread-at-peer"], 199, "almost-certainly"],
    [["traffic-flows"], 199, "possible"],
  ] as [ClueCode[], number, SuspicionScore][])("with %j and %i of them make it %s", (codes, count, expected) => {
    expect(scoreOf(HUNG, disk(clues(...codes)), { peers: peers(count), beside: [otherDisk()] })).toBe(expected);
  });

  test("are counted in the reasons", () => {
    const suspicion = rankSuspects(vm(HUNG, [disk(clues("unread-at-peer"))]), peers(19)).get("block-node:nbd0");
    expect(suspicion?.reasons).toEqual(["unread-at-peer read", "19 other VMs in trouble lead to the same far side"]);
  });
});

describe("a reading from before the trouble", () => {
  const aged = (code: ClueCode, beforeMs: number) =>
    rankSuspects(vm(HUNG, [disk({ clues: [clue(code, SINCE_AGE_MS + beforeMs)] }), otherDisk()]), ALONE).get("block-node:nbd0");

  test("weighs less, and says that it is from before", () => {
    expect(aged("sent-unanswered", 10_000)).toEqual({ score: "possible", reasons: ["before the trouble: sent-unanswered read"] });
  });

  test("counts in full where it can only be read before: outstanding work", () => {
    expect(aged("work-outstanding", 10_000)?.score).toBe("likely");
    expect(aged("work-outstanding", 60_000)?.score).toBe("possible");
  });

  test("clears nothing", () => {
    expect(aged("traffic-flows", 10_000)?.score).toBe("cannot-tell");
  });
});

describe("the verdict decides what can hold the VM", () => {
  test("a stopped process is held by no connection", () => {
    const suspicion = rankSuspects(vm({ kind: "silent", reason: "stopped" }, [disk(clues("work-outstanding"))]), ALONE).get(
      "block-node:nbd0",
    );
    expect(suspicion).toEqual({ score: "not-involved", reasons: ["the process is stopped: no connection holds it"] });
  });

  test("stalled I/O points at what is below the stalled node, and away from the others", () => {
    const report = vm({ kind: "io-stalled", nodes: ["fmt0"] }, [disk(), otherDisk(), serialConsole(clues("unsent-bytes"))]);
    const suspicions = rankSuspects(report, ALONE);
    expect(suspicions.get("block-node:nbd0")?.score).toBe("likely");
    expect(suspicions.get("block-node:nbd1")?.score).toBe("not-involved");
    expect(suspicions.get("chardev:ser0")?.score).toBe("not-involved");
    expect(firstSuspect(report, suspicions)).toMatchObject({ key: "block-node:nbd0", score: "likely", serves: "guest disk vda" });
  });

  test("of two children of one quorum the one whose connection is idle is cleared", () => {
    const quorum = { kind: "guest-disk" as const, owner: "vda", through: ["quorum0"] };
    const report = vm({ kind: "io-stalled", nodes: ["quorum0"] }, [
      disk({ serves: quorum, ...clues("unread-at-peer") }),
      otherDisk({ serves: quorum, ...clues("idle-connection") }),
    ]);
    expect(firstSuspect(report, rankSuspects(report, ALONE))).toMatchObject({ key: "block-node:nbd0", score: "almost-certainly" });
  });

  test("a stalled disk is found by its device as well as by its node", () => {
    const disks = [{ device: "vda", nodeName: "fmt0", completedCount: 9, wasBusy: true, ageMs: 100 }];
    const instance = disk({ serves: { kind: "guest-disk", owner: "vda" } });
    const report = vm({ kind: "io-stalled", nodes: ["fmt0"] }, [instance], { disks });
    expect(rankSuspects(report, ALONE).get("block-node:nbd0")?.score).toBe("likely");
  });

  test("a stalled migration points at the migration", () => {
    expect(scoreOf({ kind: "migration-stalled", migrationStatus: "active" }, migrationInstance(clues("migration-still")))).toBe("likely");
    expect(scoreOf({ kind: "migration-stalled", migrationStatus: "active" }, migrationInstance(clues("unsent-bytes")))).toBe(
      "almost-certainly",
    );
    expect(scoreOf({ kind: "migration-stalled", migrationStatus: "active" }, disk())).toBe("cannot-tell");
  });

  test("a guest that stopped by an I/O error points at the disk whose connection is gone", () => {
    const stopped: Verdict = { kind: "guest-stopped", runState: "io-error" };
    expect(scoreOf(stopped, disk({ connection: "given-up", ...clues("recent-event") }))).toBe("almost-certainly");
    expect(scoreOf({ kind: "guest-stopped", runState: "guest-panicked" }, disk(clues("recent-event")))).toBe("not-involved");
  });

  test.each([
    { kind: "unreachable", reason: "process-gone" },
    { kind: "unknown", reason: "not-asked" },
    { kind: "monitor-busy" },
  ] as Verdict[])("of a VM that is $kind nothing can be told", (verdict) => {
    expect(scoreOf(verdict, disk(clues("work-outstanding")))).toBe("cannot-tell");
  });

  test("in a VM that is well nothing is suspect, and what waits all the same is not waved away", () => {
    expect(scoreOf({ kind: "healthy" }, disk())).toBe("not-involved");
    expect(scoreOf({ kind: "healthy" }, disk(clues("sent-unanswered")))).toBe("cannot-tell");
    const report = vmReport({ vmId: "vm0001", instances: [disk(clues("sent-unanswered"))] });
    expect(firstSuspect(report, rankSuspects(report, ALONE))).toBeUndefined();
  });

  test("of a VM that is only slow nothing is likely yet", () => {
    expect(scoreOf({ kind: "slow" }, disk(clues("work-outstanding", "unread-at-peer")))).toBe("possible");
  });
});

describe("the first suspect", () => {
  test("is nobody where two are as likely", () => {
    const report = vm(HUNG, [disk(clues("unread-at-peer")), otherDisk(clues("unread-at-peer"))]);
    expect(firstSuspect(report, rankSuspects(report, ALONE))).toBeUndefined();
  });

  test("stands for another connection to the same far side", () => {
    const farSide = { key: "nbd:tcp:10.0.0.9:10809/exp", text: "NBD 10.0.0.9:10809" };
    const report = vm(HUNG, [disk({ farSide, ...clues("unread-at-peer") }), otherDisk({ farSide, ...clues("unread-at-peer") })]);
    expect(firstSuspect(report, rankSuspects(report, ALONE))?.key).toBe("block-node:nbd0");
  });
});

describe("properties of the ranking", () => {
  const anyVerdict = fc.constantFrom(...VERDICTS);
  const anyAge = fc.constantFrom(100, SINCE_AGE_MS + 10_000, SINCE_AGE_MS + 60_000);
  const clueOf = (codes: readonly ClueCode[]) => fc.tuple(fc.constantFrom(...codes), anyAge).map(([code, ageMs]) => clue(code, ageMs));
  const anyClues = fc.array(clueOf(CLUE_CODES), { maxLength: 6 });
  const anyInstance = fc
    .tuple(
      fc.constantFrom(disk, otherDisk, serialConsole, migrationInstance),
      anyClues,
      fc.constantFrom("connected", "given-up", "unknown"),
    )
    .map(([make, found, connection]) => make({ clues: found, connection: connection as InstanceReport["connection"] }));
  const anyPeers = fc.constantFrom(0, 1, 5).map((count): FarSidePeers => ({ troubledCount: () => count }));
  const badness = (score: SuspicionScore) => -SUSPICION_SCORES.indexOf(score);
  const others = fc.uniqueArray(anyInstance, { selector: ({ instance }) => instanceKey(instance), maxLength: 3 });

  function rank(verdict: Verdict, instances: InstanceReport[], peers: FarSidePeers) {
    return rankSuspects(vm(verdict, instances), peers);
  }

  test.each([
    ["for it never makes an instance less suspect", FOR, (before: number, after: number) => after >= before],
    ["against it never makes an instance more suspect", AGAINST, (before: number, after: number) => after <= before],
  ] as const)("a clue that speaks %s", (_name, codes, holds) => {
    fc.assert(
      fc.property(anyVerdict, others, anyInstance, clueOf(codes), anyPeers, (verdict, beside, instance, added, peers) => {
        const key = instanceKey(instance.instance);
        const rest = beside.filter((other) => instanceKey(other.instance) !== key);
        const more = { ...instance, clues: [...(instance.clues ?? []), added] };
        const before = rank(verdict, [...rest, instance], peers).get(key)!.score;
        const after = rank(verdict, [...rest, more], peers).get(key)!.score;
        expect(holds(badness(before), badness(after))).toBe(true);
      }),
    );
  });

  test("the order of instances and of clues does not matter", () => {
    fc.assert(
      fc.property(anyVerdict, others, anyPeers, (verdict, instances, peers) => {
        const turned = instances.toReversed().map((each) => ({ ...each, clues: (each.clues ?? []).toReversed() }));
        const [one, two] = [rank(verdict, instances, peers), rank(verdict, turned, peers)];
        for (const [key, { score, reasons }] of one) {
          expect(two.get(key)?.score).toBe(score);
          expect(two.get(key)?.reasons.toSorted()).toEqual(reasons.toSorted());
        }
      }),
    );
  });

  test("a monitor is never suspect, and everybody has a reason", () => {
    fc.assert(
      fc.property(anyVerdict, others, anyClues, anyPeers, (verdict, instances, found, peers) => {
        const suspicions = rank(verdict, [...instances, monitorChardev({ clues: found })], peers);
        expect(["not-involved", "cannot-tell"]).toContain(suspicions.get("chardev:compat_monitor0")!.score);
        for (const { reasons } of suspicions.values()) expect(reasons.length).toBeGreaterThan(0);
      }),
    );
  });
});
