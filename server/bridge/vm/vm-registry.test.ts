import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startSimulatedVm } from "#server/simulator/index";
import type { SimulatedVm } from "#server/simulator/simulated-vm";
import type { SimulatedVmOptions } from "#server/simulator/options";
import { fakeProc, startTestRegistry } from "../testing/test-registry.ts";
import type { TestRegistry } from "../testing/test-registry.ts";

const NBD_DISK: Partial<SimulatedVmOptions> = {
  blockNodes: [
    { driver: "nbd", nodeName: "nbd0", server: { type: "unix", path: "/run/nbd" } },
    { driver: "raw", nodeName: "fmt0", file: "nbd0" },
  ],
  devices: [{ id: "vda", type: "virtio-blk-pci", drive: "fmt0" }],
};

describe("a monitor under supervision", { timeout: 15_000 }, () => {
  let folder: string;
  let path: string;
  let bridge: TestRegistry;
  const vms: SimulatedVm[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ripcord-vm-"));
    path = join(folder, "db-07.sock");
    bridge = startTestRegistry();
  });
  afterEach(async () => {
    bridge.close();
    await Promise.all(vms.splice(0).map((vm) => vm.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  async function startVm(options: Partial<SimulatedVmOptions> = {}): Promise<SimulatedVm> {
    const vm = await startSimulatedVm({ name: "db-07", monitors: [{ id: "ripcord", path }], ...NBD_DISK, ...options });
    vms.push(vm);
    return vm;
  }

  test("is a healthy VM with its name, its topology, and its own line marked", async () => {
    await startVm();
    bridge.appear(path);
    await bridge.until((report) => {
      expect(report).toMatchObject({ name: "db-07", hasOob: true, health: { verdict: { kind: "healthy" } } });
      expect(report.runState).toMatchObject({ value: "running", isLastKnown: false });
      expect(report.instances.map(({ serves, isMonitor }) => [serves.kind, isMonitor])).toEqual([
        ["monitor", true],
        ["guest-disk", false],
      ]);
    });
  });

  test("that hangs is slow, then hung; a yank through the desk's hands brings it back at once", async () => {
    const vm = await startVm();
    bridge.appear(path);
    await bridge.until((report) => expect(report.topologyAgeMs).toBeDefined());
    vm.hangOnDrain("nbd0");
    await bridge.until((report) => expect(report.health.verdict).toEqual({ kind: "main-loop-hung", cord: "in-reach" }));
    const hung = bridge.report();
    expect(hung.runState).toMatchObject({ value: "running", isLastKnown: true });
    expect(hung.lanes.outOfBand).toMatchObject({ state: "answered" });
    expect(hung.instances[1]?.serves.kind).toBe("guest-disk");
    const actVm = bridge.registry.actVm(hung.vmId);
    const seen: string[] = [];
    actVm?.observe(({ type }) => seen.push(type));
    const onWritten = vi.fn<() => void>();
    const reply = await actVm?.send(
      "oob",
      "yank",
      { instances: [{ type: "block-node", "node-name": "nbd0" }] },
      { timeoutMs: 2_000, slotWaitMs: 0, onWritten },
    );
    expect(onWritten).toHaveBeenCalledOnce();
    expect(reply?.replyAfterMs).toBeGreaterThan(0);
    await bridge.until((report) => expect(report.health.verdict.kind).toBe("healthy"));
    expect(seen).toContain("changed");
    const verdicts = bridge.facts.flatMap((fact) => (fact.kind === "verdict" ? [fact.to] : []));
    expect(verdicts.filter((kind) => kind !== "slow")).toEqual(["main-loop-hung", "healthy"]);
  });

  test("found hung already is out of reach, and is taken up when the hang ends", async () => {
    const vm = await startVm();
    const unblock = vm.blockMainLoop();
    bridge.appear(path);
    await bridge.until((report) => expect(report.health.verdict).toEqual({ kind: "main-loop-hung", cord: "out-of-reach" }));
    expect(bridge.report().lanes.outOfBand).toEqual({ state: "absent", reason: "not-negotiated" });
    unblock();
    await bridge.until((report) => expect(report).toMatchObject({ name: "db-07", health: { verdict: { kind: "healthy" } } }));
  });

  test("with both lanes silent and a stopped process is silent because it is stopped", async () => {
    bridge.close();
    bridge = startTestRegistry({ proc: fakeProc({ readState: async () => ({ state: "T", startTimeTicks: "7" }) }) });
    const vm = await startVm({ version: "7.2" });
    bridge.appear(path);
    await bridge.until((report) => expect(report.health.verdict.kind).toBe("healthy"));
    vm.freezeProcess();
    await bridge.until((report) => expect(report.health.verdict).toMatchObject({ kind: "silent" }));
    vm.thawProcess();
    await bridge.until((report) => expect(report.health.verdict.kind).toBe("healthy"));
  });

  test("without out-of-band says that a hang cannot be told from a frozen process", async () => {
    const vm = await startVm({ version: "no-oob" });
    bridge.appear(path);
    await bridge.until((report) => expect(report).toMatchObject({ hasOob: false, health: { verdict: { kind: "healthy" } } }));
    await bridge.until((report) => expect(report.instances.length).toBe(2));
    vm.hangOnDrain("nbd0");
    await bridge.until((report) => expect(report.health.verdict).toEqual({ kind: "silent", reason: "no-oob" }));
  });

  test("never has two in-band requests open, whatever a hang lasts", async () => {
    const vm = await startVm();
    bridge.appear(path);
    await bridge.until((report) => expect(report.health.verdict.kind).toBe("healthy"));
    vm.hangOnDrain("nbd0");
    await bridge.until((report) => expect(report.health.verdict.kind).toBe("main-loop-hung"));
    const actVm = bridge.registry.actVm(bridge.report().vmId);
    const act = actVm?.send("in-band", "migrate_cancel", undefined, { timeoutMs: 1_000, slotWaitMs: 50, onWritten: () => {} });
    await expect(act).rejects.toMatchObject({ code: "slot-taken", outcome: "not-sent" });
    expect(await actVm?.requeryMigration(100)).toBeUndefined();
  });

  test("that shut down in good order leaves the list, with its reason", async () => {
    const vm = await startVm();
    bridge.appear(path);
    await bridge.until((report) => expect(report.health.verdict.kind).toBe("healthy"));
    vm.shutdown();
    await vi.waitFor(() => expect(bridge.ended.map((report) => report.ended?.reason)).toEqual(["shutdown"]), { timeout: 5_000 });
    expect(bridge.registry.listedIds()).toEqual([]);
    expect(bridge.facts).toContainEqual({ kind: "vm-ended", reason: "shutdown" });
  });

  test("a socket that nobody ever answered is not a VM", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    bridge.appear(join(folder, "nobody.sock"), { isExplicit: true });
    await vi.waitFor(() => expect(bridge.registry.notices()).toHaveLength(1));
    expect(bridge.registry.listedIds()).toEqual([]);
    server.close();
  });

  test("another tool's socket, named without takeOver, is listed and never touched", async () => {
    const touched = vi.fn<() => void>();
    const server = createServer(touched);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    bridge.appear(path, { isExplicit: true, isNotOurs: true });
    expect(bridge.report().health.verdict).toEqual({ kind: "unreachable", reason: "not-ours" });
    expect(touched).not.toHaveBeenCalled();
    server.close();
  });

  test("a peer that speaks something else is unreachable and says so", async () => {
    const server = createServer((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    bridge.appear(path);
    await bridge.until((report) => expect(report.health.verdict).toEqual({ kind: "unreachable", reason: "not-qmp" }));
    server.close();
  });

  test("a socket that greets nobody is silent, or busy where another client is seen", async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    bridge.appear(path);
    await bridge.until((report) => expect(report.health.verdict).toEqual({ kind: "silent", reason: "unknown" }));
    bridge.close();
    bridge = startTestRegistry({ proc: fakeProc({ hasOtherPeer: async () => true }) });
    bridge.appear(path);
    await bridge.until((report) => expect(report.health.verdict).toEqual({ kind: "monitor-busy" }));
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test("two addresses of one process are one VM, known by the first in the config", async () => {
    bridge.close();
    // The simulator's VMs say so in their greeting and are told apart by connection; this process stands for a QEMU.
    const second = join(folder, "second.sock");
    const greeting = JSON.stringify({ QMP: { version: { qemu: { major: 9, minor: 0, micro: 0 }, package: "" }, capabilities: [] } });
    const servers = [path, second].map((each) => {
      const server = createServer((socket) => {
        socket.on("error", () => socket.destroy());
        socket.write(`${greeting}\r\n`);
        socket.on("data", (bytes) => {
          for (const [, id] of String(bytes).matchAll(/"id":"([^"]+)"/g)) {
            socket.write(`${JSON.stringify({ return: { status: "running" }, id })}\r\n`);
          }
        });
      });
      server.listen(each);
      return server;
    });
    bridge = startTestRegistry({ proc: fakeProc({ findListener: async () => ({ pid: 4711, startTimeTicks: "99" }) }) });
    bridge.appear(second, { order: 1 });
    await bridge.until((report) => expect(report.address).toBe(second));
    bridge.appear(path, { order: 0 });
    await vi.waitFor(() => expect(bridge.registry.listedIds().map((id) => bridge.registry.report(id)?.address)).toEqual([path]));
    for (const server of servers) server.close();
  });

  test("a flood of events is counted, and the VM beside it stays fast", async () => {
    const flooding = await startVm();
    const besidePath = join(folder, "beside.sock");
    vms.push(await startSimulatedVm({ name: "beside", monitors: [{ id: "ripcord", path: besidePath }] }));
    bridge.appear(path);
    bridge.appear(besidePath);
    await vi.waitFor(() => expect(bridge.registry.listedIds()).toHaveLength(2), { timeout: 5_000 });
    const stop = flooding.floodEvents(5_000);
    await vi.waitFor(() => expect(bridge.facts.some((fact) => fact.kind === "qmp-event" && fact.count > 1_000)).toBe(true), {
      timeout: 6_000,
    });
    stop();
    expect(bridge.facts.filter((fact) => fact.kind === "qmp-event").length).toBeLessThan(200);
    for (const vmId of bridge.registry.listedIds()) expect(bridge.registry.report(vmId)?.health.verdict.kind).toBe("healthy");
  });
});
