import { describe, expect, test } from "vitest";
import { MigrationWatch } from "./migration-watch.ts";

function active(transferred: number, extra: object = {}): object {
  return {
    status: "active",
    "total-time": transferred,
    ram: { transferred, remaining: 10, total: 100, mbps: 8, "page-size": 4_096, ...extra },
  };
}

describe("a migration", () => {
  test("is outgoing, and has its numbers in bytes", () => {
    const watch = new MigrationWatch("e.1");
    watch.take(active(1_000, { "dirty-pages-rate": 10 }), "running", 0);
    expect(watch.report(100)).toEqual({
      direction: "outgoing",
      status: "active",
      startId: "e.1-1",
      transferredBytes: 1_000,
      remainingBytes: 10,
      totalBytes: 100,
      bytesPerSecond: 1_000_000,
      dirtyBytesPerSecond: 40_960,
      sampleAgeMs: 100,
    });
  });

  test("stands still only between samples, and only while bytes should move", () => {
    const watch = new MigrationWatch("e.1");
    watch.take(active(1_000), "running", 0);
    for (let second = 1; second <= 12; second++) watch.take(active(1_000), "running", second * 1_000);
    expect(watch.reading()).toMatchObject({ status: "active", stalledAgeMs: 12_000 });
    watch.forgiveStall(4_000);
    expect(watch.reading()?.stalledAgeMs).toBe(8_000);
    watch.take({ status: "pre-switchover" }, "finish-migrate", 13_000);
    expect(watch.reading()?.stalledAgeMs).toBeUndefined();
  });

  test("that dirties faster than it sends does not converge, and is not stalled", () => {
    const watch = new MigrationWatch("e.1");
    watch.take(active(1_000), "running", 0);
    watch.take(active(2_000, { "dirty-pages-rate": 1_000 }), "running", 1_000);
    expect(watch.report(1_000)).toMatchObject({ isNotConverging: true });
    expect(watch.reading()?.stalledAgeMs).toBeUndefined();
  });

  test("is another one after the last has ended, or when its clock starts again", () => {
    const watch = new MigrationWatch("e.1");
    watch.take(active(5_000), "running", 0);
    watch.take({ status: "failed", "error-desc": "Unable to write to socket: Broken pipe" }, "running", 1_000);
    expect(watch.report(1_000)).toMatchObject({
      startId: "e.1-1",
      status: "failed",
      transferredBytes: 5_000,
      errorDesc: expect.any(String),
    });
    watch.take({ status: "setup" }, "running", 2_000);
    expect(watch.report(2_000)).toMatchObject({ startId: "e.1-2", direction: "outgoing" });
    watch.take(active(9_000), "running", 3_000);
    watch.take(active(100), "running", 4_000);
    expect(watch.report(4_000)?.startId).toBe("e.1-3");
  });

  test("that comes in waits for its source and is never called stalled", () => {
    const watch = new MigrationWatch("e.1");
    watch.take({ status: "setup", "socket-address": [{ type: "unix", path: "/run/mig" }] }, "inmigrate", 0);
    watch.take({ status: "setup" }, "inmigrate", 60_000);
    expect(watch.report(60_000)).toMatchObject({ direction: "incoming", uri: "unix:/run/mig" });
    expect(watch.reading()?.stalledAgeMs).toBeUndefined();
  });

  test("that never was is not reported", () => {
    const watch = new MigrationWatch("e.1");
    watch.take({}, "running", 0);
    watch.take("nonsense", "running", 0);
    expect(watch.report(0)).toBeUndefined();
  });
});
