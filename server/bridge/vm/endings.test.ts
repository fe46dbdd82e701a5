import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "#server/qmp/manual-clock";
import { MANUAL_PATH, startManualBridge } from "../testing/manual-bridge.ts";
import type { ManualBridge } from "../testing/manual-bridge.ts";
import { fakeProc } from "../testing/test-registry.ts";

const HOUR_MS = 3_600_000;

describe("a QEMU that ended without a word", () => {
  let bridge: ManualBridge;
  let pid: number;
  let isAlive: boolean;
  beforeEach(async () => {
    pid = 7;
    isAlive = true;
    bridge = startManualBridge({
      proc: fakeProc({
        findListener: async () => ({ pid, startTimeTicks: `${pid}00` }),
        readState: async () => (isAlive ? { state: "S", startTimeTicks: `${pid}00` } : { unknown: "gone" }),
      }),
    });
    bridge.appear(MANUAL_PATH);
    await bridge.pass(2_000);
  });
  afterEach(() => bridge.close());

  async function die(): Promise<void> {
    expect(bridge.report().health.verdict.kind).toBe("healthy");
    isAlive = false;
    bridge.qemu.die();
    await bridge.pass(1_000);
    expect(bridge.report().health.verdict).toEqual({ kind: "unreachable", reason: "process-gone" });
  }

  test("stays in trouble as process-gone, and leaves when an operator has dismissed it", async () => {
    await die();
    await bridge.pass(60_000);
    const { vmId, health } = bridge.report();
    expect(health.verdict).toEqual({ kind: "unreachable", reason: "process-gone" });
    expect(bridge.ended).toEqual([]);
    expect(bridge.registry.dismiss(vmId)).toBe(true);
    expect(bridge.registry.listedIds()).toEqual([]);
    expect(bridge.ended.map(({ ended }) => ended?.reason)).toEqual(["socket-removed"]);
    expect(bridge.registry.dismiss(vmId)).toBe(false);
  });

  test("cannot be dismissed while it runs", () => {
    expect(bridge.registry.dismiss(bridge.report().vmId)).toBe(false);
    expect(bridge.registry.listedIds()).toHaveLength(1);
  });

  test("is replaced by the next process at its address, which is another incarnation with no history", async () => {
    await die();
    pid = 8;
    isAlive = true;
    bridge.qemu.reception = "well";
    await bridge.pass(15_000);
    expect(bridge.report()).toMatchObject({ incarnation: { id: "p8-800" }, health: { verdict: { kind: "healthy" } } });
    expect(bridge.report().health.sinceAgeMs).toBeLessThan(15_000);
    // First what is true of the address; once the process is known to be another one, its own history begins.
    expect(bridge.verdicts()).toEqual(["unreachable", "healthy", "healthy"]);
    await bridge.pass(1_000);
    expect(bridge.registry.dismiss(bridge.report().vmId)).toBe(false);
  });

  test("leaves by itself after a day, and not before", async () => {
    await die();
    bridge.clock.stall(24 * HOUR_MS - 60_000);
    await bridge.pass(20_000);
    expect(bridge.report().health.verdict).toEqual({ kind: "unreachable", reason: "process-gone" });
    await bridge.pass(60_000);
    expect(bridge.registry.listedIds()).toEqual([]);
    expect(bridge.ended.map(({ ended }) => ended?.reason)).toEqual(["socket-removed"]);
  });

  test("whose socket's file goes with it has ended, and is not in trouble", async () => {
    bridge.socket.exists = false;
    isAlive = false;
    bridge.qemu.reception = "no-such-socket";
    bridge.qemu.hangUp();
    await bridge.pass(500);
    expect(bridge.registry.listedIds()).toEqual([]);
    expect(bridge.verdicts()).toEqual([]);
  });

  test("of which only the connection ended is lost, and comes back as the same", async () => {
    bridge.qemu.reception = "refused";
    bridge.qemu.hangUp();
    await bridge.pass(60);
    expect(bridge.report().health.verdict).toEqual({ kind: "unreachable", reason: "lost" });
    bridge.qemu.reception = "well";
    await bridge.pass(15_000);
    expect(bridge.report()).toMatchObject({ incarnation: { id: "p7-700" }, health: { verdict: { kind: "healthy" } } });
  });
});

describe("a socket's file", () => {
  test("behind which nobody answered since the bridge started is not a VM, however long it lies there", async () => {
    const bridge = startManualBridge();
    bridge.qemu.reception = "refused";
    bridge.appear(MANUAL_PATH);
    await bridge.pass(120_000);
    expect(bridge.qemu.dials).toBeGreaterThan(5);
    expect(bridge.registry.listedIds()).toEqual([]);
    expect(bridge.facts).toEqual([]);
    bridge.qemu.reception = "well";
    await bridge.pass(15_000);
    expect(bridge.report().health.verdict.kind).toBe("healthy");
    bridge.close();
  });
});

describe("a monitor that serves another client", () => {
  test("is let go of at once, asked again after ten seconds, and taken up when it is free", async () => {
    let hasOtherPeer = true;
    const bridge = startManualBridge({ proc: fakeProc({ hasOtherPeer: async () => hasOtherPeer }) });
    bridge.qemu.reception = "mute";
    bridge.appear(MANUAL_PATH);
    await bridge.pass(2_500);
    expect(bridge.report().health.verdict).toEqual({ kind: "monitor-busy" });
    expect(bridge.qemu.dials).toBe(1);
    expect(bridge.qemu.isConnected).toBe(false);
    await bridge.pass(8_000);
    expect(bridge.qemu.dials).toBe(1);
    await bridge.pass(3_000);
    expect(bridge.qemu.dials).toBe(2);
    await bridge.pass(2_500);
    expect(bridge.qemu.isConnected).toBe(false);
    hasOtherPeer = false;
    bridge.qemu.reception = "well";
    await bridge.pass(11_500);
    expect(bridge.report().health.verdict.kind).toBe("healthy");
    // Greeted, and not yet asked, it is neither.
    expect(bridge.verdicts()).toEqual(["monitor-busy", "unknown", "healthy"]);
    bridge.close();
  });
});

describe("when the bridge itself stood still", () => {
  test("what QEMU answered meanwhile counts, and no verdict changes", async () => {
    const bridge = startManualBridge();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(3_000);
    const { sinceAgeMs } = bridge.report().health;
    const former = bridge.verdicts();
    bridge.qemu.hang();
    await bridge.pass(900);
    bridge.clock.stall(60_000);
    await bridge.pass(100);
    bridge.qemu.goOn();
    await bridge.pass(5_000);
    expect(bridge.verdicts()).toEqual(former);
    expect(bridge.report().health.verdict.kind).toBe("healthy");
    expect(bridge.report().health.sinceAgeMs).toBeGreaterThanOrEqual(sinceAgeMs + 60_000);
    bridge.close();
  });

  test("a hang counts by the time in which the bridge was looking", async () => {
    const bridge = startManualBridge();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(3_000);
    bridge.qemu.hang();
    await bridge.pass(2_000);
    bridge.clock.stall(60_000);
    await bridge.pass(1_000);
    expect(bridge.report().health.verdict.kind).toBe("slow");
    await bridge.pass(4_000);
    expect(bridge.report().health.verdict.kind).toBe("main-loop-hung");
    bridge.close();
  });

  test("a machine that slept judges nobody by what was open when it fell asleep", async () => {
    let sleptMs = 0;
    const clock = new ManualClock();
    const bridge = startManualBridge({ clock, readUptimeSeconds: () => (clock.nowMonoMs() + sleptMs) / 1_000 });
    bridge.appear(MANUAL_PATH);
    await bridge.pass(3_000);
    const former = bridge.verdicts();
    bridge.qemu.freeze();
    await bridge.pass(800);
    sleptMs = HOUR_MS;
    // The uptime is looked at once a second: until then nothing is overdue, and from then on judging waits.
    await bridge.pass(150);
    bridge.qemu.goOn();
    await bridge.pass(3_000);
    expect(bridge.verdicts()).toEqual(former);
    expect(bridge.report().health.verdict.kind).toBe("healthy");
    bridge.close();
  });
});
