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
      startedAgeMs: 1_100,
      sampleAgeMs: 100,
    });
  });

  test("stands still only between samples, and only while bytes should move", () => {
    const watch = new MigrationWatch("e.1");
    watch.take(active(1_000), "running", 0);
    for (let second = 1; second <= 12; second++) watch.take(active(1_000), "running", second * 1_000);
    expect(watch.reading(12_000)).toMatchObject({ status: "active", stalledAgeMs: 12_000 });
    watch.forgiveStall(4_000);
    expect(watch.reading(12_000)?.stalledAgeMs).toBe(8_000);
    watch.take({ status: "pre-switchover" }, "finish-migrate", 13_000);
    expect(watch.reading(13_000)?.stalledAgeMs).toBeUndefined();
  });

  test("moves while any of its counters does, or its connection", () => {
    const watch = new MigrationWatch("e.1");
    watch.take(active(1_000), "running", 0);
    watch.take(active(1_000, { "postcopy-bytes": 5 }), "finish-migrate", 9_000);
    watch.take(active(1_000, { "postcopy-bytes": 5 }), "finish-migrate", 21_000);
    expect(watch.reading(21_000)?.stalledAgeMs).toBe(12_000);
    expect(watch.reading(21_000, 800)?.stalledAgeMs).toBe(800);
    watch.take(active(1_000, { "postcopy-bytes": 5, "multifd-bytes": 1 }), "finish-migrate", 22_000);
    expect(watch.reading(22_000)?.stalledAgeMs).toBeUndefined();
  });

  test("that hangs in setup, or whose postcopy was cut, moves nothing on either side", () => {
    const source = new MigrationWatch("e.1");
    source.take({ status: "setup" }, "running", 0);
    source.take({ status: "setup" }, "running", 11_000);
    expect(source.reading(11_000)).toMatchObject({ status: "setup", stalledAgeMs: 11_000 });
    const destination = new MigrationWatch("e.1");
    destination.take({ status: "active" }, "inmigrate", 0);
    destination.take({ status: "postcopy-paused" }, "running", 5_000);
    destination.take({ status: "postcopy-paused" }, "running", 16_000);
    expect(destination.reading(16_000)).toMatchObject({ status: "postcopy-paused", stalledAgeMs: 11_000 });
  });

  test("that comes in stands still where its connection does, and otherwise nobody can tell", () => {
    const watch = new MigrationWatch("e.1");
    watch.take({ status: "active" }, "inmigrate", 0);
    watch.take({ status: "active" }, "inmigrate", 30_000);
    expect(watch.reading(30_000)?.stalledAgeMs).toBeUndefined();
    expect(watch.reading(30_000, 12_000)).toMatchObject({ status: "active", stalledAgeMs: 12_000 });
    expect(watch.report(30_000, { movedAgeMs: 12_000, channel: "tcp" })).toMatchObject({ channel: "tcp", stalledAgeMs: 12_000 });
  });

  test("that dirties faster than it sends does not converge, and is not stalled", () => {
    const watch = new MigrationWatch("e.1");
    watch.take(active(1_000), "running", 0);
    watch.take(active(2_000, { "dirty-pages-rate": 1_000 }), "running", 1_000);
    expect(watch.report(1_000)).toMatchObject({ isNotConverging: true });
    expect(watch.reading(60_000)?.stalledAgeMs).toBeUndefined();
  });

  test("that sends in each pass what was dirtied in the one before does not converge, though the headers make it send more", () => {
    const watch = new MigrationWatch("e.1");
    // As read of QEMU 7.2: 49 pages dirtied a second, 205 kB sent.
    watch.take(active(1_000, { mbps: 1.64, "dirty-pages-rate": 49 }), "running", 0);
    watch.take(active(206_000, { mbps: 1.64, "dirty-pages-rate": 49 }), "running", 1_000);
    expect(watch.report(1_000)).toMatchObject({ isNotConverging: true });
    watch.take(active(411_000, { mbps: 1.64, "dirty-pages-rate": 30 }), "running", 2_000);
    expect(watch.report(2_000)?.isNotConverging).toBeUndefined();
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
    expect(watch.report(60_000)).toMatchObject({ direction: "incoming", uri: "unix:/run/mig", channel: "unix" });
    expect(watch.reading(60_000)?.stalledAgeMs).toBeUndefined();
  });

  test("that never was is not reported", () => {
    const watch = new MigrationWatch("e.1");
    watch.take({}, "running", 0);
    watch.take("nonsense", "running", 0);
    expect(watch.report(0)).toBeUndefined();
  });
});
