import { describe, expect, test } from "vitest";
import type { Verdict } from "#lib/health/verdict";
import { DEFAULT_THRESHOLDS } from "#lib/health/thresholds";
import type { InstanceReport } from "#lib/vm/instance";
import type { ClueContext } from "../evidence/clue-sources.ts";
import { ioClues } from "./io-clues.ts";
import { KnownVm } from "./known-vm.ts";

const nbd0: InstanceReport = {
  instance: { type: "block-node", "node-name": "nbd0" },
  serves: { kind: "guest-disk", owner: "vda", through: ["fmt0"] },
  connection: "connected",
  isMonitor: false,
  yankable: true,
};

function context(
  known: KnownVm,
  nowMonoMs: number,
  overrides: Partial<ClueContext> & { verdict?: Verdict; sinceMonoMs?: number } = {},
): ClueContext {
  const { verdict = { kind: "healthy" }, sinceMonoMs = 0, ...rest } = overrides;
  return {
    known,
    health: { verdict, sinceMonoMs, readingMonoMs: nowMonoMs },
    thresholds: DEFAULT_THRESHOLDS,
    inBandOpenAgeMs: undefined,
    migration: undefined,
    nowMonoMs,
    ...rest,
  };
}

/** `[completed, inUse]` of vda, 2 s apart from 2,000 on. */
function watched(readings: readonly (readonly [number, number])[]): KnownVm {
  const known = new KnownVm("e.1");
  known.io.own(new Map([["vda", "/vda"]]));
  readings.forEach(([completedCount, inUseCount], index) => {
    const atMonoMs = (index + 1) * 2_000;
    known.io.take({ type: "counted", atMonoMs, disks: [{ device: "vda", completedCount }] });
    known.io.take({ type: "queues-read", atMonoMs, queues: [{ owner: "/vda", index: 0, inUseCount, usedIndex: completedCount }] });
  });
  return known;
}

const codes = (known: KnownVm, at: number, overrides: Parameters<typeof context>[2] = {}) =>
  ioClues(nbd0, context(known, at, overrides)).map(({ code }) => code);

describe("the disk above a node", () => {
  test("whose requests do not complete has work outstanding, also when that was read before the hang", () => {
    const known = watched([
      [5, 1],
      [9, 1],
      [9, 1],
      [9, 1],
    ]);
    const clues = ioClues(nbd0, context(known, 15_000, { inBandOpenAgeMs: 6_000 }));
    expect(clues).toEqual([
      { code: "work-outstanding", text: "1 request of vda outstanding, none completed for 4 s", ageMs: 7_000 },
      { code: "counters-frozen", text: "the counters of vda moved before, and have stood still for 4 s", ageMs: 7_000 },
    ]);
  });

  test("with nothing outstanding says so, and a request that was seen once claims nothing", () => {
    expect(
      codes(
        watched([
          [5, 0],
          [5, 0],
        ]),
        5_000,
      ),
    ).toEqual(["no-work-outstanding"]);
    expect(
      codes(
        watched([
          [5, 1],
          [9, 1],
        ]),
        5_000,
      ),
    ).toEqual(["not-measured"]);
  });

  test("that completes after the trouble began is not what holds the VM", () => {
    const known = watched([
      [5, 1],
      [9, 1],
      [12, 0],
    ]);
    expect(codes(known, 6_500, { verdict: { kind: "io-stalled", nodes: ["nbd1"] }, sinceMonoMs: 3_000 })).toEqual([
      "no-work-outstanding",
      "work-completes",
    ]);
  });

  test("without a virtqueue that may be read says why", () => {
    const known = new KnownVm("e.1");
    known.io.whyNoQueues = "the config forbids reading virtqueues";
    known.io.take({ type: "counted", atMonoMs: 1_000, disks: [{ device: "vda", completedCount: 1 }] });
    expect(ioClues(nbd0, context(known, 2_000))).toEqual([
      { code: "not-measured", text: "the config forbids reading virtqueues", ageMs: 1_000 },
    ]);
  });
});

test("a STOP that in-band fell silent with speaks for the disks, and not where a migration stopped the guest", () => {
  const known = new KnownVm("e.1");
  known.cpuEvent = { name: "STOP", monoMs: 9_000 };
  known.stoppedMonoMs = 9_000;
  expect(codes(known, 21_000, { inBandOpenAgeMs: 12_000 })).toEqual(["stop-unanswered"]);
  expect(codes(known, 9_100, { inBandOpenAgeMs: 100 })).toEqual([]);
  known.migration.take({ status: "active", ram: { transferred: 1 } }, "running", 8_000);
  expect(codes(known, 21_000, { inBandOpenAgeMs: 12_000 })).toEqual([]);
});

test("an event of this very disk or job right before the trouble is told, another's is not", () => {
  const known = new KnownVm("e.1");
  const event = (name: string, data: Record<string, unknown>) => ({ event: name, data, atMs: undefined });
  known.events.add(event("BLOCK_IO_ERROR", { "node-name": "fmt9", operation: "read" }), 9_000);
  expect(codes(known, 21_000, { inBandOpenAgeMs: 11_000 })).toEqual([]);
  known.events.add(event("BLOCK_IO_ERROR", { "qom-path": "/machine/peripheral/vda/virtio-backend", "node-name": "" }), 9_500);
  expect(ioClues(nbd0, context(known, 21_000, { inBandOpenAgeMs: 11_000 }))).toMatchObject([
    { code: "recent-event", text: "BLOCK_IO_ERROR of vda 500 ms before the trouble began" },
  ]);
  expect(codes(known, 61_000, { inBandOpenAgeMs: 11_000 })).toEqual([]);
});

test("a migration in its last pass holds the big lock, and one whose bytes stand still says so", () => {
  const migration: InstanceReport = { ...nbd0, instance: { type: "migration" }, serves: { kind: "migration-out" } };
  const known = new KnownVm("e.1");
  known.migration.take({ status: "device", ram: { transferred: 2_500 } }, "finish-migrate", 1_000);
  known.migration.take({ status: "device", ram: { transferred: 2_500 } }, "finish-migrate", 13_000);
  expect(ioClues(migration, context(known, 20_000, { inBandOpenAgeMs: 6_000 }))).toMatchObject([
    { code: "switchover", text: "in the last pass of a migration, which holds the big lock, and whether its bytes move cannot be read" },
  ]);
  expect(ioClues(migration, context(known, 13_000, { migration: known.reportMigration(13_000) }))).toMatchObject([
    { code: "migration-still", text: "status device, and no byte moved for 12 s (2.5 kB in all)" },
  ]);
});
