import { afterEach, describe, expect, test } from "vitest";
import { ManualClock } from "#server/qmp/manual-clock";
import { MANUAL_PATH, startManualBridge } from "../testing/manual-bridge.ts";
import type { ManualBridge } from "../testing/manual-bridge.ts";
import { ScriptedQemu } from "../testing/scripted-qemu.ts";
import { startTestRegistry } from "../testing/test-registry.ts";

let bridge: ManualBridge | undefined;
afterEach(() => bridge?.close());

/** A VM whose disk `vda` completes twenty requests a second and whose disk `vdb` is idle, watched for half a minute. */
async function startBusyVm() {
  const test = (bridge = startManualBridge());
  const busy = { id: "vda", completed: 100, inUse: 1 };
  const idle = { id: "vdb", completed: 5, inUse: 0 };
  test.qemu.disks = [busy, idle];
  test.appear(MANUAL_PATH);
  const work = async (forMs: number): Promise<void> => {
    for (let left = forMs; left > 0; left -= 500) {
      busy.completed += 10;
      await test.pass(500);
    }
  };
  await work(30_000);
  expect(test.verdicts()).toEqual([]);
  expect(test.report().health.verdict).toEqual({ kind: "healthy" });
  return { ...test, busy, idle, work };
}

describe("a guest whose disk stops completing", () => {
  test("is told as stalled after ten seconds, by the node of that disk alone, and as healthy when it moves", async () => {
    const { busy, work, pass, verdicts, report } = await startBusyVm();
    await pass(8_000);
    expect(verdicts()).toEqual([]);
    await pass(12_000);
    expect(verdicts()).toEqual(["io-stalled"]);
    expect(report().health).toMatchObject({ verdict: { kind: "io-stalled", nodes: ["fmt-vda"] } });
    expect(report().health.sinceAgeMs).toBeGreaterThanOrEqual(10_000);
    expect(report().health.sinceAgeMs).toBeLessThanOrEqual(20_000);
    expect(report().disks).toMatchObject([
      { device: "vda", wasBusy: true, outstandingCount: 1 },
      { device: "vdb", wasBusy: false, outstandingCount: 0 },
    ]);
    expect(report().runState).toMatchObject({ value: "running", isLastKnown: false });
    busy.completed++;
    await work(3_000);
    expect(verdicts()).toEqual(["io-stalled", "healthy"]);
  });

  test("is asked for nothing but what shows that it moves again, while it is stalled", async () => {
    const { qemu, busy, pass, work } = await startBusyVm();
    await pass(20_000);
    qemu.asked.length = 0;
    await pass(60_000);
    const needed = ["query-status", "query-yank", "query-blockstats", "query-iothreads", "x-query-virtio-queue-status", "query-migrate"];
    expect([...new Set(qemu.asked)].filter((command) => !needed.includes(command))).toEqual([]);
    expect(qemu.asked).toContain("query-blockstats");
    busy.completed++;
    await work(3_000);
  });

  test("raises nothing where it only waits for eight seconds, as for a flush", async () => {
    const { pass, work, verdicts } = await startBusyVm();
    await pass(8_000);
    await work(20_000);
    expect(verdicts()).toEqual([]);
  });

  test("raises nothing where nothing is outstanding, for ten minutes", async () => {
    const { busy, pass, verdicts } = await startBusyVm();
    busy.inUse = 0;
    await pass(600_000);
    expect(verdicts()).toEqual([]);
  });

  test("is told also where the very first request never came back", async () => {
    const { idle, work, report, verdicts } = await startBusyVm();
    idle.inUse = 1;
    await work(35_000);
    expect(verdicts()).toEqual(["io-stalled"]);
    expect(report().health.verdict).toMatchObject({ nodes: ["fmt-vdb"] });
  });

  test("is not blamed while the guest is paused, nor for that time afterwards", async () => {
    const { qemu, pass, verdicts } = await startBusyVm();
    qemu.runState = "paused";
    await pass(60_000);
    expect(verdicts()).toEqual([]);
    qemu.runState = "running";
    await pass(9_000);
    expect(verdicts()).toEqual([]);
    await pass(12_000);
    expect(verdicts()).toEqual(["io-stalled"]);
  });
});

describe("what may be asked", () => {
  test("of a VM that is slow or hung is nothing but the probe", async () => {
    const { qemu, pass, verdicts } = await startBusyVm();
    await pass(12_000);
    qemu.hang();
    // What was asked last may be any reading; it is the one that waits.
    await pass(1_100);
    const before = qemu.asked.length;
    await pass(60_000);
    expect(qemu.asked.slice(before).filter((command) => command !== "query-yank")).toEqual([]);
    expect(verdicts().at(-1)).toBe("main-loop-hung");
    qemu.goOn();
    await pass(200);
    expect(verdicts().at(-1)).toBe("healthy");
    expect(verdicts().filter((kind) => kind === "slow")).toHaveLength(1);
  });

  test("of a vhost device is nothing: its back end would stop the ring", async () => {
    const test = (bridge = startManualBridge());
    test.qemu.disks = [
      { id: "vub0", type: "vhost-user-blk", completed: 0, inUse: 3 },
      { id: "vda", completed: 3, inUse: 0 },
    ];
    test.appear(MANUAL_PATH);
    await test.pass(60_000);
    expect(test.verdicts()).toEqual([]);
    expect(test.report().disks?.map(({ device }) => device)).toEqual(["vda"]);
    expect(test.qemu.asked).toContain("x-query-virtio-queue-status");
    expect(test.qemu.asked).not.toContain("x-query-virtio-status");
  });

  test("of a QEMU 7.2 with I/O threads are its virtqueues and not its counters, whose locks such a thread may hold", async () => {
    const test = (bridge = startManualBridge());
    const disk = { id: "vda", completed: 3, inUse: 1 };
    test.qemu.disks = [disk];
    test.qemu.iothreads = [{ id: "io1", "thread-id": 7 }];
    test.appear(MANUAL_PATH);
    await test.pass(40_000);
    expect(test.qemu.asked).not.toContain("query-blockstats");
    expect(test.report().health.verdict).toEqual({ kind: "io-stalled", nodes: ["vda"] });
    disk.completed++;
    await test.pass(4_000);
    expect(test.report().health.verdict).toEqual({ kind: "healthy" });
  });

  test("of a VM without disks is hardly anything", async () => {
    const test = (bridge = startManualBridge());
    test.appear(MANUAL_PATH);
    await test.pass(300_000);
    expect(test.qemu.asked.filter((command) => command === "query-blockstats").length).toBeLessThan(8);
    expect(test.qemu.asked).not.toContain("x-query-virtio");
  });
});

test("a main loop that stops for four seconds raises slow once and nothing else", async () => {
  const { qemu, pass, work, verdicts } = await startBusyVm();
  qemu.hang();
  await pass(4_000);
  qemu.goOn();
  await work(5_000);
  expect(verdicts()).toEqual(["slow", "healthy"]);
});

test("fifty idle VMs raise nothing for ten minutes, and their disks are looked at", { timeout: 120_000 }, async () => {
  const clock = new ManualClock();
  const qemus = Array.from({ length: 50 }, () => {
    const qemu = new ScriptedQemu();
    qemu.disks = [
      { id: "vda", completed: 1_000, inUse: 0 },
      { id: "vdb", completed: 0, inUse: 0 },
    ];
    return qemu;
  });
  let changes = 0;
  const test = startTestRegistry({
    clock,
    openTransport: (address, events) => {
      const qemu = qemus["path" in address ? Number(/\d+/.exec(address.path)?.[0]) : 0];
      if (!qemu) throw new Error("nobody listens there");
      return qemu.open(address, events);
    },
    socketExists: async () => true,
    probe: { intervalMs: 1_000, slowAfterMs: 1_000, hungAfterMs: 5_000, oobSilentAfterMs: 2_000, migrationStallAfterMs: 10_000 },
    onChanged: () => void changes++,
  });
  qemus.forEach((_qemu, index) => test.appear(`/run/ripcord/monitors/${index}.sock`));
  const pass = async (forMs: number): Promise<void> => {
    for (let left = forMs; left > 0; left -= 100) {
      clock.advance(100);
      await new Promise((resume) => setImmediate(resume));
    }
  };
  await pass(60_000);
  const settled = changes;
  await pass(600_000);
  expect(test.facts.filter(({ kind }) => kind === "verdict")).toEqual([]);
  // A healthy VM that is idle is no news.
  expect(changes).toBe(settled);
  for (const { asked } of qemus) {
    expect(asked.filter((command) => command === "query-blockstats").length).toBeGreaterThan(100);
    expect(asked.filter((command) => command === "x-query-virtio-queue-status").length).toBeGreaterThan(50);
  }
  expect(test.registry.listedIds()).toHaveLength(50);
  test.close();
});
