import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { configSchema } from "#lib/config/schema";
import type { PrepareAnswer, PrepareRequest, ProgressReport } from "#lib/link/contract";
import type { KnownYankInstance } from "#lib/qapi/yank";
import type { VmReport } from "#lib/vm/report";
import { bindPlan, isVoidReason } from "#lib/yank/bindings";
import { systemClock } from "#server/qmp/clock";
import { startSimulatedVm } from "#server/simulator/index";
import type { SimulatedVm, SimulatedVmOptions } from "#server/simulator/index";
import { startBridge } from "../compose.ts";
import type { RunningBridge } from "../compose.ts";
import type { ProcReader } from "../vm/ports.ts";
import { Acts } from "./acts.ts";

/** The desk on real sessions: a bridge's registry, real sockets, a simulated QEMU. Thresholds are short, the rules are not. */
const nowhere: ProcReader = {
  findListener: () => Promise.resolve({ unknown: "not-permitted" }),
  readState: () => Promise.resolve({ unknown: "not-permitted" }),
  readCommandLine: () => Promise.resolve(undefined),
  hasOtherPeer: () => Promise.resolve(undefined),
  readHost: () => Promise.resolve(undefined),
  close: () => Promise.resolve(),
};
const WITHIN = { timeout: 8_000, interval: 20 };
const closers: (() => Promise<void> | void)[] = [];
let directory: string;
let progress: ProgressReport[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "acts-sim-"));
  progress = [];
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  rmSync(directory, { recursive: true, force: true });
});

async function startVm(more: Partial<SimulatedVmOptions> = {}): Promise<SimulatedVm> {
  const vm = await startSimulatedVm({
    name: "db",
    monitors: [{ id: "ripcord", path: join(directory, "db.sock") }],
    blockNodes: [
      { driver: "nbd", nodeName: "nbd0", server: { type: "unix", path: "/run/nbd.sock" }, export: "exp" },
      { driver: "raw", nodeName: "fmt0", file: "nbd0" },
    ],
    chardevs: [{ kind: "socket-server", id: "serial0", path: "/run/serial0.sock", isConnected: true }],
    devices: [
      { id: "vda", type: "virtio-blk-pci", drive: "fmt0" },
      { isBuiltIn: true, type: "isa-serial", chardev: "serial0" },
    ],
    ...more,
  });
  closers.push(() => vm.close());
  return vm;
}

async function watch(): Promise<{ bridge: RunningBridge; vmId: string; report: () => VmReport }> {
  const config = configSchema.parse({
    bridge: {
      monitors: [{ path: join(directory, "*.sock") }],
      probe: { intervalMs: 200, slowAfterMs: 150, hungAfterMs: 400, oobSilentAfterMs: 400 },
    },
  });
  const logger = pino({ enabled: false });
  const bridge = await startBridge({
    config,
    dataDir: directory,
    bridgeId: "host-a",
    label: "a",
    token: "t",
    logger,
    proc: nowhere,
    isSimulated: true,
  });
  closers.push(() => bridge.close());
  const vmId = await vi.waitFor(() => {
    const [id] = bridge.registry.listedIds();
    expect(id === undefined ? undefined : bridge.registry.report(id)?.topologyAgeMs).toBeDefined();
    return id!;
  }, WITHIN);
  return { bridge, vmId, report: () => bridge.registry.report(vmId)! };
}

function openDesk(bridge: RunningBridge): Acts {
  let count = 0;
  const acts = new Acts({
    outcomeDirectory: join(directory, "outcomes"),
    clock: systemClock,
    random: () => `ticket-${++count}`,
    logger: { warn: () => undefined, error: () => undefined },
    vms: (vmId) => bridge.registry.actVm(vmId),
    onProgress: (each) => progress.push(each),
  });
  closers.push(() => acts.close());
  return acts;
}

function yankOf(report: VmReport, instance: KnownYankInstance): PrepareRequest {
  const bindable = { incarnationId: report.incarnation.id, healthKind: report.health.verdict.kind, instances: report.instances };
  const bindings = bindPlan(bindable, [instance], false);
  if (isVoidReason(bindings)) throw new Error(bindings.text);
  return { actId: "act-1", vmId: report.vmId, action: "yank", instances: [instance], bindings };
}

function ticketOf(answer: PrepareAnswer): string {
  if (!answer.ok) throw new Error(JSON.stringify(answer));
  return answer.ticket;
}

const nbd0: KnownYankInstance = { type: "block-node", "node-name": "nbd0" };
const becomes = (report: () => VmReport, kind: string) => vi.waitFor(() => expect(report().health.verdict.kind).toBe(kind), WITHIN);

describe("the desk on a simulated QEMU", () => {
  it("yanks the node that a hung VM waits for, once, and sees it recover", async () => {
    const vm = await startVm();
    const { bridge, vmId, report } = await watch();
    expect(report().instances.map((each) => [each.serves.kind, each.serves.owner, each.yankable === true])).toEqual([
      ["monitor", undefined, false],
      ["serial-console", "/machine/unattached/device[1]", true],
      ["guest-disk", "vda", true],
    ]);
    vm.hangOnDrain("nbd0");
    await becomes(report, "main-loop-hung");
    const desk = openDesk(bridge);
    const ticket = ticketOf(await desk.prepare(yankOf(report(), nbd0)));
    expect(await desk.go({ actId: "act-1", ticket })).toEqual({ ok: true });
    await vi.waitFor(() => expect(progress.at(-1)?.progress).toMatchObject({ state: "accepted", verdict: "recovered" }), WITHIN);
    expect(progress.map((each) => each.progress.verdict)).toEqual(["pending", "pending", "recovered"]);
    expect(vm.yanksReceived).toHaveLength(1);
    expect(desk.inquire("act-1", vmId)).toMatchObject({ progress: { verdict: "recovered" } });
    expect(await desk.go({ actId: "act-1", ticket })).toMatchObject({ code: "already-executed" });
  }, 15_000);

  it("reads took-effect for a console that is cut on a healthy VM", async () => {
    await startVm();
    const { bridge, report } = await watch();
    const desk = openDesk(bridge);
    await desk.go({ actId: "act-1", ticket: ticketOf(await desk.prepare(yankOf(report(), { type: "chardev", id: "serial0" }))) });
    await vi.waitFor(() => expect(progress.at(-1)?.progress.verdict).toBe("took-effect"), WITHIN);
    expect(progress.at(-1)?.progress.detail).toBe("chardev:serial0 was connected and is listening now");
  }, 15_000);

  it("has no cord for a hung QEMU without out-of-band", async () => {
    const vm = await startVm({ version: "no-oob" });
    const { bridge, report } = await watch();
    const plan = yankOf(report(), nbd0);
    vm.hangOnDrain("nbd0");
    await becomes(report, "silent");
    const { bindings } = yankOf(report(), nbd0);
    expect(await openDesk(bridge).prepare({ ...plan, bindings })).toMatchObject({ ok: false });
    expect(vm.yanksReceived).toHaveLength(0);
  }, 15_000);

  it("leaves an act that was cut in the middle as unknown to the next bridge, and never repeats it", async () => {
    const vm = await startVm();
    const { bridge, report } = await watch();
    vm.hangOnDrain("nbd0");
    await becomes(report, "main-loop-hung");
    const plan = yankOf(report(), nbd0);
    const first = openDesk(bridge);
    await first.go({ actId: "act-1", ticket: ticketOf(await first.prepare(plan)) });
    await vi.waitFor(() => expect(vm.yanksReceived).toHaveLength(1), WITHIN);
    await first.close();
    const second = openDesk(bridge);
    expect(second.pending()).toMatchObject([{ actId: "act-1", progress: { verdict: "unknown", isFinal: true } }]);
    expect(await second.prepare(plan)).toMatchObject({ code: "not-allowed" });
    expect(vm.yanksReceived).toHaveLength(1);
  }, 15_000);
});
