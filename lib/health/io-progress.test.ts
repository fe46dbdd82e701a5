import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { heldDisks, NO_IO, reduceIo } from "./io-progress.ts";
import type { IoProgress, IoReading, QueueStatus } from "./io-progress.ts";

const own = (device: string): string => device;

/** Alternating readings of one disk and its queue, 2 s apart, from `[completed, inUse, usedIndex]`. */
function watch(readings: readonly (readonly [number, number, number])[], from: IoProgress = NO_IO, atMonoMs = 0): IoProgress {
  return readings.reduce((state, [completedCount, inUseCount, usedIndex], index) => {
    const at = atMonoMs + index * 2_000;
    const counted = reduceIo(state, { type: "counted", atMonoMs: at, disks: [{ device: "vda", nodeName: "fmt0", completedCount }] });
    return reduceIo(counted, { type: "queues-read", atMonoMs: at, queues: [{ owner: "vda", index: 0, inUseCount, usedIndex }] });
  }, from);
}

describe("a disk", () => {
  test("that holds a request which does not complete is held since that was first seen", () => {
    const state = watch([
      [100, 1, 100],
      [140, 1, 140],
      [140, 1, 140],
      [140, 1, 140],
    ]);
    expect(heldDisks(state, own)).toEqual([
      { device: "vda", nodeName: "fmt0", outstandingCount: 1, stillAgeMs: 4_000, readMonoMs: 6_000, isShared: false },
    ]);
  });

  test("that is idle is never held, however long its counters stand still", () => {
    const idle = Array.from({ length: 500 }, () => [140, 0, 140] as const);
    expect(heldDisks(watch([[100, 1, 100], ...idle]), own)).toEqual([]);
  });

  test("is not blamed for the time in which it was idle before the request", () => {
    const idle = Array.from({ length: 50 }, () => [140, 0, 140] as const);
    const state = watch([...idle, [140, 1, 140], [140, 1, 140]]);
    expect(heldDisks(state, own)).toMatchObject([{ stillAgeMs: 2_000 }]);
  });

  test("whose other requests complete is not held, nor one that was read only once", () => {
    expect(
      heldDisks(
        watch([
          [100, 4, 100],
          [101, 4, 100],
          [102, 4, 100],
        ]),
        own,
      ),
    ).toEqual([]);
    expect(heldDisks(watch([[100, 4, 100]]), own)).toEqual([]);
  });

  test("that moves again is let go at once", () => {
    const stuck = watch([
      [100, 1, 100],
      [100, 1, 100],
    ]);
    expect(heldDisks(stuck, own)).toHaveLength(1);
    expect(heldDisks(watch([[101, 1, 101]], stuck, 4_000), own)).toEqual([]);
  });

  test("starts anew after the guest or QEMU stood still, and is forgiven the bridge's own stall", () => {
    const stuck = watch([
      [100, 1, 100],
      [100, 1, 100],
      [100, 1, 100],
    ]);
    const stalled = reduceIo(stuck, { type: "bridge-stalled", forMs: 3_000 });
    expect(heldDisks(stalled, own)).toMatchObject([{ stillAgeMs: 1_000 }]);
    const interrupted = reduceIo(stuck, { type: "interrupted", atMonoMs: 4_500 });
    expect(heldDisks(interrupted, own)).toEqual([]);
    const again = watch(
      [
        [100, 1, 100],
        [100, 1, 100],
      ],
      interrupted,
      6_000,
    );
    expect(heldDisks(again, own)).toMatchObject([{ stillAgeMs: 2_000 }]);
  });

  test("whose counters may not be read is judged by all of its queues", () => {
    const read = (state: IoProgress, atMonoMs: number, second: number): IoProgress => {
      const queues: QueueStatus[] = [
        { owner: "vda", index: 0, inUseCount: 1, usedIndex: 7 },
        { owner: "vda", index: 1, inUseCount: 0, usedIndex: second },
      ];
      const counted = reduceIo(state, { type: "counted", atMonoMs, disks: [{ device: "vda" }] });
      return reduceIo(counted, { type: "queues-read", atMonoMs, queues });
    };
    expect(heldDisks(read(read(NO_IO, 0, 3), 2_000, 4), own)).toEqual([]);
    expect(heldDisks(read(read(NO_IO, 0, 3), 2_000, 3), own)).toMatchObject([{ device: "vda", stillAgeMs: 2_000 }]);
  });
});

describe("disks on one controller", () => {
  const onController = (): string => "scsi0";
  /** Two disks, one queue for both. */
  const read = (state: IoProgress, atMonoMs: number, counts: readonly [number, number], usedIndex: number): IoProgress => {
    const disks = counts.map((completedCount, index) => ({ device: index === 0 ? "sda" : "sdb", completedCount }));
    const counted = reduceIo(state, { type: "counted", atMonoMs, disks });
    return reduceIo(counted, { type: "queues-read", atMonoMs, queues: [{ owner: "scsi0", index: 2, inUseCount: 1, usedIndex }] });
  };

  test("are told apart by which of them moved last", () => {
    const states = [
      [5, 0],
      [9, 0],
      [9, 0],
      [9, 0],
    ] as const;
    const state = states.reduce((former, counts, index) => read(former, index * 2_000, counts, counts[0]), NO_IO);
    expect(heldDisks(state, onController)).toMatchObject([{ device: "sda", isShared: false }]);
  });

  test("are suspected together where neither ever moved", () => {
    const state = [0, 1, 2].reduce((former, index) => read(former, index * 2_000, [0, 0], 0), NO_IO);
    expect(heldDisks(state, onController)).toMatchObject([
      { device: "sda", isShared: true },
      { device: "sdb", isShared: true },
    ]);
  });

  test("are not held while the queue moves for any of them", () => {
    const state = [0, 1, 2, 3].reduce((former, index) => read(former, index * 2_000, [4, index], index), NO_IO);
    expect(heldDisks(state, onController)).toEqual([]);
  });
});

const time = fc.integer({ min: 0, max: 100_000 });
const reading: fc.Arbitrary<(atMonoMs: number) => IoReading> = fc.oneof(
  fc
    .nat(3)
    .map((completedCount) => (atMonoMs: number): IoReading => ({ type: "counted", atMonoMs, disks: [{ device: "vda", completedCount }] })),
  fc
    .record({ inUseCount: fc.constant(0), usedIndex: fc.nat(3) })
    .map((queue) => (atMonoMs: number): IoReading => ({ type: "queues-read", atMonoMs, queues: [{ owner: "vda", index: 0, ...queue }] })),
  fc.integer({ min: 0, max: 60_000 }).map((forMs) => (): IoReading => ({ type: "bridge-stalled", forMs })),
  fc.constant((atMonoMs: number): IoReading => ({ type: "interrupted", atMonoMs })),
);

test("a disk whose queue never showed a request in use is never held, whatever else is read and when", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(time, reading), { maxLength: 60 }), (steps) => {
      const state = steps.toSorted(([one], [other]) => one - other).reduce((former, [at, make]) => reduceIo(former, make(at)), NO_IO);
      expect(heldDisks(state, own)).toEqual([]);
    }),
  );
});

test("nobody is blamed for longer than a request was seen outstanding", () => {
  const step = fc.record({ gapMs: fc.integer({ min: 1, max: 20_000 }), completed: fc.nat(1), inUse: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      let state = NO_IO;
      let atMonoMs = 0;
      let total = 0;
      let outstandingSince: number | undefined;
      for (const { gapMs, completed, inUse } of steps) {
        atMonoMs += gapMs;
        total += completed;
        if (inUse === 0) outstandingSince = undefined;
        else if (completed > 0 || outstandingSince === undefined) outstandingSince = atMonoMs;
        state = reduceIo(state, { type: "counted", atMonoMs, disks: [{ device: "vda", completedCount: total }] });
        state = reduceIo(state, {
          type: "queues-read",
          atMonoMs,
          queues: [{ owner: "vda", index: 0, inUseCount: inUse, usedIndex: total }],
        });
        for (const { stillAgeMs } of heldDisks(state, own))
          expect(stillAgeMs).toBeLessThanOrEqual(atMonoMs - (outstandingSince ?? atMonoMs));
      }
    }),
  );
});
