import fc from "fast-check";
import { expect, test } from "vitest";
import { parseBlockStats, parseQueueStatus } from "./parse-io.ts";

/** Numbers that JSON can carry and no counter of QEMU has, beside those that it has. */
const anyNumber = fc.oneof(fc.double(), fc.integer(), fc.bigInt(), fc.constantFrom(-1, 0.5, 1e308, Number.POSITIVE_INFINITY, 2 ** 64));
const anything = fc.oneof(anyNumber, fc.string(), fc.constant(null), fc.object({ maxDepth: 2 }), fc.array(anyNumber));

test("adds up what QEMU counts of each disk, at the device that it belongs to", () => {
  const stats = { rd_operations: 3, wr_operations: 4n, failed_rd_operations: 1, idle_time_ns: 99 };
  expect(
    parseBlockStats([
      { device: "", qdev: "/machine/peripheral/vda/virtio-backend", "node-name": "fmt0", stats },
      { device: "exported", stats },
    ]),
  ).toEqual([{ device: "vda", qdev: "/machine/peripheral/vda/virtio-backend", nodeName: "fmt0", completedCount: 8 }]);
});

test("takes from whatever a VM writes as its counters only counts, and at most so many disks", () => {
  const stats = fc.dictionary(fc.constantFrom("rd_operations", "wr_operations", "failed_rd_operations", "x"), anything);
  const disk = fc.record({ qdev: anything, "node-name": anything, stats: fc.oneof(stats, anything) }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(fc.array(fc.oneof(disk, anything), { maxLength: 400 }), anything), (answer) => {
      const disks = parseBlockStats(answer);
      expect(disks.length).toBeLessThanOrEqual(256);
      for (const { completedCount = 0 } of disks) {
        expect(completedCount).toBeGreaterThanOrEqual(0);
        expect(completedCount).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
      }
    }),
  );
});

test("takes as a virtqueue only what fits its sixteen bits", () => {
  fc.assert(
    fc.property(fc.oneof(fc.record({ inuse: anything, "used-idx": anything }), anything), (answer) => {
      const status = parseQueueStatus(answer);
      for (const value of status ? [status.inUseCount, status.usedIndex] : []) {
        expect(Number.isInteger(value) && value >= 0 && value <= 65_535).toBe(true);
      }
    }),
  );
  expect(parseQueueStatus({ inuse: 1, "used-idx": 65_535, "vring-num": 256 })).toEqual({ inUseCount: 1, usedIndex: 65_535 });
});
