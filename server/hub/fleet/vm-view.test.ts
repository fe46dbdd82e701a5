import { describe, expect, test } from "vitest";
import { guestDisk, hungVm, vmReport } from "../../../tests/support/vm-report.ts";
import { rowFingerprint, summarise, viewVm } from "./vm-view.ts";
import type { ViewContext } from "./vm-view.ts";

const at = (receivedAtMs: number, more: Partial<ViewContext> = {}): ViewContext => ({
  bridgeId: "b",
  host: "kvm-03",
  receivedAtMs,
  ...more,
});

describe("viewVm", () => {
  test("turns ages into times of the hub's clock", () => {
    const view = viewVm(hungVm({ vmId: "aaaaaa" }), at(100_000));
    expect(view).toMatchObject({
      runState: "running",
      runStateAtMs: 58_000,
      runStateIsLastKnown: true,
      qemuVersion: "7.2.22",
      health: { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 63_000, readingAtMs: 99_800 },
      lanes: { inBand: { state: "open", openSinceAtMs: 58_000 }, outOfBand: { state: "answered", bucket: "<10ms" } },
      yankableCount: 1,
      instanceCount: 2,
    });
  });

  test("keeps a time that wavers by the link's delay, and takes one that is another moment", () => {
    const report = hungVm({ vmId: "aaaaaa" });
    const first = viewVm(report, at(100_000));
    const sameMoment = viewVm({ ...report, health: { ...report.health, sinceAgeMs: 38_000 } }, at(101_180, { previous: first }));
    expect(sameMoment.health.sinceAtMs).toBe(first.health.sinceAtMs);
    // The first report was half a second under way: the hang began earlier than it looked.
    const earlier = viewVm({ ...report, health: { ...report.health, sinceAgeMs: 38_000 } }, at(100_500, { previous: first }));
    expect(earlier.health.sinceAtMs).toBe(62_500);
    const another = viewVm({ ...report, health: { ...report.health, sinceAgeMs: 10 } }, at(102_000, { previous: first }));
    expect(another.health.sinceAtMs).toBe(101_990);
  });

  test("takes no time over from another process", () => {
    const report = hungVm({ vmId: "aaaaaa" });
    const first = viewVm(report, at(100_000));
    const next = viewVm({ ...report, incarnation: { id: "other", by: "process" } }, at(100_100, { previous: first }));
    expect(next.health.sinceAtMs).toBe(63_100);
  });

  test("of a lost bridge says what was, and shows neither a live clock nor a live run state", () => {
    const view = viewVm(vmReport({ vmId: "aaaaaa" }), at(100_000, { lostSinceAtMs: 103_000 }));
    expect(view).toMatchObject({
      health: { kind: "unknown", reason: "bridge-lost", sinceAtMs: 103_000, was: { verdict: { kind: "healthy" }, atMs: 99_990 } },
      runState: "running",
      runStateIsLastKnown: true,
      lanes: { inBand: { state: "absent" }, outOfBand: { state: "absent" } },
    });
    expect(view.evidence[0]!.code).toBe("bridge-lost");
  });
});

describe("rowFingerprint", () => {
  const base = vmReport({ vmId: "aaaaaa" });
  const first = viewVm(base, at(100_000));
  const later = (changes: object) => rowFingerprint(viewVm({ ...base, ...changes }, at(101_000, { previous: first })));

  test("does not see another reading of the same, nor a round trip in the same bucket", () => {
    expect(later({ health: { ...base.health, sinceAgeMs: 61_000 } })).toBe(rowFingerprint(first));
    const lane = { state: "answered" as const, bucket: "<10ms" as const, roundTripMs: 3.3 };
    expect(later({ health: { ...base.health, sinceAgeMs: 61_000 }, lanes: { inBand: lane, outOfBand: lane } })).toBe(rowFingerprint(first));
  });

  test("does not see that a reason has grown older", () => {
    const hung = (seconds: number) => {
      const text = `28 bytes wait at qemu-nbd, which has read nothing for at least ${seconds} s`;
      const clues = [{ code: "unread-at-peer" as const, text, ageMs: 100 }];
      const view = viewVm(hungVm({ vmId: "aaaaaa", instances: [guestDisk({ clues })] }), at(100_000, { previous: first }));
      return { text: view.suspect?.reason, print: rowFingerprint(view) };
    };
    expect(hung(35).text).toContain("for at least 35 s");
    expect(hung(35).print).toBe(hung(59).print);
  });

  test.each<[string, object]>([
    ["another bucket", { lanes: { ...base.lanes, inBand: { state: "answered", bucket: "<100ms", roundTripMs: 30 } } }],
    ["another run state", { runState: { value: "paused", ageMs: 10, isLastKnown: false } }],
    ["another verdict", { health: { ...base.health, verdict: { kind: "slow" } } }],
    ["another process", { incarnation: { id: "other", by: "process" } }],
    ["a tag", { tags: ["new"] }],
  ])("sees %s", (_, changes) => {
    expect(later(changes)).not.toBe(rowFingerprint(first));
  });
});

test("a row has nothing that only the VM's own page needs", () => {
  const row = summarise(viewVm(hungVm({ vmId: "aaaaaa" }), at(0)), 7);
  expect(row.changedAtRevision).toBe(7);
  for (const member of ["instances", "evidence", "notices", "uuid", "incarnation"]) expect(row).not.toHaveProperty(member);
});
