import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { VmEvent } from "#lib/api/vm";
import { startTestHub } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { hungVm, vmReport } from "../../../tests/support/vm-report.ts";
import { PULSE_LOST_AFTER_MS } from "../fleet/fleet.ts";
import { systemClock } from "../clock.ts";

let ripcord: TestHub;
let skewMs = 0;
beforeEach(async () => {
  skewMs = 0;
  ripcord = await startTestHub({ clock: { ...systemClock, nowMs: () => systemClock.nowMs() + skewMs } });
});
afterEach(() => ripcord.close());

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const fleet = () => ripcord.hub.fleet;
const refusal = (bridge: { socket: { once(event: "connect_error", listener: (error: Error) => void): unknown } }) =>
  new Promise<string>((resolve) => bridge.socket.once("connect_error", (error) => resolve(error.message)));
const auditTypes = async () =>
  ((await ripcord.call("/api/v1/audit")).body.rows as { event: { type: string } }[]).map((row) => row.event.type);

test("a bridge with a wrong token, of another link version, or under an unknown id is turned away", async () => {
  expect(await refusal(ripcord.bridge({ token: "wrong" }))).toBe("bad-token");
  expect(await refusal(ripcord.bridge({ linkVersion: 99 }))).toBe("link-version");
  expect(await refusal(ripcord.bridge({ bridgeId: "stranger" }))).toBe("bad-token");
  expect(await refusal(ripcord.bridge({ label: "" }))).toBe("bad-hello");
  expect(fleet().bridges()).toEqual([
    expect.objectContaining({ bridgeId: "fake", isConnected: false, refused: expect.objectContaining({ reason: "link-version" }) }),
  ]);
  expect((await auditTypes()).filter((type) => type === "bridge-refused")).toHaveLength(3);
});

test("a second bridge with the same id is refused and shown while the first lives", async () => {
  ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" })] });
  await until(() => expect(fleet().vmCount).toBe(1));
  expect(await refusal(ripcord.bridge({ epoch: "another" }))).toBe("duplicate-bridge");
  expect(fleet().bridges()[0]).toMatchObject({ isConnected: true, refused: { reason: "duplicate-bridge" } });
  expect(fleet().vmCount).toBe(1);
});

test("5,000 VMs come over the link, change, and come again after the link was lost", async () => {
  const vms = Array.from({ length: 5_000 }, (_, index) => vmReport({ vmId: `vm${String(index).padStart(6, "0")}` }));
  const bridge = ripcord.bridge({ vms });
  await until(() => expect(fleet().vmCount).toBe(5_000));
  await until(() =>
    expect(
      fleet()
        .rows()
        .every((row) => row.health.kind === "healthy"),
    ).toBe(true),
  );
  bridge.socket.io.engine.close();
  await until(() => expect(fleet().rows()[0]!.health.kind).toBe("unknown"));
  bridge.vms.delete("vm000007");
  await until(() =>
    expect(
      fleet()
        .rows()
        .every((row) => row.health.kind === "healthy"),
    ).toBe(true),
  );
  expect(fleet().vmCount).toBe(4_999);
  expect((await ripcord.call("/api/v1/vms/vm000007")).body).toMatchObject({ endedReason: "no longer reported by its bridge" });
}, 30_000);

test("a gap in the changes makes the bridge tell everything again", async () => {
  const bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa", name: "before" })] });
  await until(() => expect(fleet().vmCount).toBe(1));
  bridge.skipSequence();
  bridge.set(vmReport({ vmId: "aaaaaa", name: "after" }));
  await until(() => expect(bridge.socket.connected).toBe(false));
  bridge.socket.connect();
  await until(() => expect(fleet().detail("aaaaaa")?.name).toBe("after"));
});

test("a malformed report is dropped and said; the others count", async () => {
  const bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" }), { ...vmReport({ vmId: "bbbbbb" }), name: 5 as unknown as string }] });
  await until(() => expect(fleet().vmCount).toBe(1));
  expect(fleet().bridges()[0]!.notices).toEqual(["It sent a malformed VM report, which was dropped"]);
  bridge.set(vmReport({ vmId: "bbbbbb" }));
  await until(() => expect(fleet().vmCount).toBe(2));
});

test("a VM whose newest report cannot be read does not go on looking as it did before, nor does it end", async () => {
  const bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" })] });
  await until(() => expect(fleet().rows()[0]?.health.kind).toBe("healthy"));
  bridge.set({ ...hungVm({ vmId: "aaaaaa" }), address: "x".repeat(5_000) });
  await until(() => expect(fleet().rows()[0]?.health).toMatchObject({ kind: "unknown", reason: "no-valid-reading" }));
  expect(fleet().rows()[0]).toMatchObject({ runStateIsLastKnown: true });
  await bridge.sendSnapshot();
  expect(fleet().rows()[0]?.health).toMatchObject({ kind: "unknown", reason: "no-valid-reading" });
  bridge.set(hungVm({ vmId: "aaaaaa" }));
  await until(() => expect(fleet().rows()[0]?.health.kind).toBe("main-loop-hung"));
});

test("a bridge that goes quiet without hanging up is lost within half a second of its time, and back with its next word", async () => {
  const bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" })], pulseEveryMs: 0 });
  await until(() => expect(fleet().rows()[0]?.health.kind).toBe("healthy"));
  await until(() => expect(fleet().bridges()[0]!.newestProbeAtMs).toBeDefined());
  skewMs = PULSE_LOST_AFTER_MS + 1;
  await until(() => expect(fleet().rows()[0]!.health).toMatchObject({ kind: "unknown", reason: "bridge-lost" }));
  expect(fleet().bridges()[0]).toMatchObject({ isConnected: false });
  bridge.pulse();
  await until(() => expect(fleet().rows()[0]!.health.kind).toBe("healthy"));
});

test("facts are stored once, however often they are sent, and at most fifty a second and VM", async () => {
  const bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" })] });
  await until(() => expect(fleet().vmCount).toBe(1));
  const flood = Array.from({ length: 200 }, () => ({ kind: "qmp-event" as const, name: "BLOCK_IO_ERROR", vmId: "aaaaaa", count: 1 }));
  const second = Math.floor(Date.now() / 1_000) * 1_000;
  skewMs = second - Date.now();
  const throughSeq = await bridge.facts({ kind: "vm-appeared", vmId: "aaaaaa" }, ...flood);
  expect(throughSeq).toBe(201);
  const again = flood.map((fact, index) => ({ ...fact, seq: index + 2, ageMs: 0 }));
  expect(await bridge.socket.emitWithAck("facts:append", { missedBefore: 0, facts: again })).toEqual({ throughSeq: 201 });
  skewMs += 2_000;
  await until(async () => {
    const events = (await ripcord.call("/api/v1/events?vmId=aaaaaa&limit=500")).body.events as VmEvent[];
    expect(events).toHaveLength(51);
    expect(events[0]).toMatchObject({ kind: "dropped", count: 151 });
    expect(events.at(-1)).toMatchObject({ kind: "vm-appeared" });
  });
});

test("a VM that ended leaves the list and stays readable", async () => {
  const bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" })] });
  await until(() => expect(fleet().vmCount).toBe(1));
  bridge.set(vmReport({ vmId: "aaaaaa", ended: { reason: "shutdown", ageMs: 20 } }));
  await until(() => expect(fleet().vmCount).toBe(0));
  await until(async () =>
    expect((await ripcord.call("/api/v1/vms/aaaaaa")).body).toMatchObject({ endedReason: "shutdown", endedAtMs: expect.any(Number) }),
  );
});
