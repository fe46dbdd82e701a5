import { expect, onTestFinished, test } from "vitest";
import { describePeers, startVm } from "./peers.ts";
import type { ContractVm } from "./peer.ts";
import { errorClass, RawMonitor, type Message } from "./raw-monitor.ts";
import { until } from "./wait.ts";

const READING = { serial: false, reads: true };
const VDA = "/machine/peripheral/vda/virtio-backend";
const YANK = { "exec-oob": "yank", arguments: { instances: [{ type: "block-node", "node-name": "nbd0" }] }, id: "yank" };
const ANY_INT = expect.any(Number) as unknown;
/** What may be asked of a VM whose storage stalls: none of it does I/O. @see facts sheet 7.1 */
const WITHOUT_IO = [
  "query-status",
  "query-blockstats",
  "x-debug-query-block-graph",
  "x-query-virtio",
  "query-block-jobs",
  "query-jobs",
  "query-chardev",
  "query-migrate",
  "query-colo-status",
  "query-cpus-fast",
  "query-iothreads",
] as const;

interface Stats {
  rd_operations: number;
  failed_rd_operations: number;
  idle_time_ns?: number;
}

async function open(vm: ContractVm): Promise<RawMonitor> {
  const monitor = await RawMonitor.open(vm.monitorPath);
  onTestFinished(() => monitor.close());
  return monitor;
}

async function ask(monitor: RawMonitor, execute: string, args?: object): Promise<unknown> {
  return (await monitor.ask({ execute, ...(args && { arguments: args }) }))["return"];
}

async function diskOf(monitor: RawMonitor): Promise<Message & { stats: Stats }> {
  const disks = (await ask(monitor, "query-blockstats")) as (Message & { stats: Stats })[];
  const disk = disks.find(({ qdev }) => qdev === VDA);
  if (!disk) throw new Error("No statistics of vda");
  return disk;
}

async function queueOf(monitor: RawMonitor): Promise<Record<string, number>> {
  return (await ask(monitor, "x-query-virtio-queue-status", { path: VDA, queue: 0 })) as Record<string, number>;
}

async function untilItReads(monitor: RawMonitor): Promise<void> {
  await until(async () => (await diskOf(monitor)).stats.rd_operations > 2, "a reading guest");
}

describePeers("a disk that the guest reads", (peer) => {
  test("counts its reads at the device, whose node stands below it, and in its virtqueue", async () => {
    const vm = await startVm(peer, READING);
    const monitor = await open(vm);
    await untilItReads(monitor);
    const disk = await diskOf(monitor);
    expect(disk).toMatchObject({
      device: "",
      "node-name": "fmt0",
      qdev: VDA,
      stats: {
        rd_operations: ANY_INT,
        rd_bytes: ANY_INT,
        rd_total_time_ns: ANY_INT,
        wr_operations: 0,
        idle_time_ns: ANY_INT,
        account_failed: true,
      },
      parent: { "node-name": "nbd0", stats: { rd_operations: 0, account_failed: false } },
    });
    expect(disk).not.toHaveProperty("parent.stats.idle_time_ns");
    const nodes = (await ask(monitor, "query-blockstats", { "query-nodes": true })) as Message[];
    expect(nodes.find((node) => node["node-name"] === "fmt0")).toMatchObject({
      stats: { rd_operations: 0 },
      parent: { "node-name": "nbd0" },
    });
    expect(await ask(monitor, "x-query-virtio")).toContainEqual({ name: "virtio-blk", path: VDA });
    expect(await ask(monitor, "qom-get", { path: VDA, property: "type" })).toBe("virtio-blk-device");
    const before = await queueOf(monitor);
    expect(before).toMatchObject({ name: "virtio-blk", "queue-index": 0, "vring-num": 256, "shadow-avail-idx": ANY_INT });
    await until(async () => (await queueOf(monitor))["used-idx"] !== before["used-idx"], "the virtqueue going on");
    await until(async () => (await diskOf(monitor)).stats.rd_operations > disk.stats.rd_operations, "the counters going on");
  });

  test("stands still on a frozen server with a request in use, while everything that needs no I/O answers", async () => {
    const vm = await startVm(peer, READING);
    const monitor = await open(vm);
    await untilItReads(monitor);
    await vm.stallIo();
    await until(async () => ((await queueOf(monitor))["inuse"] ?? 0) > 0, "a request that stays");
    const [disk, queue] = [await diskOf(monitor), await queueOf(monitor)];
    await until(
      async () => ((await diskOf(monitor)).stats.idle_time_ns ?? 0) > (disk.stats.idle_time_ns ?? 0) + 1e8,
      "its idle time growing",
    );
    expect((await diskOf(monitor)).stats).toMatchObject({ rd_operations: disk.stats.rd_operations, failed_rd_operations: 0 });
    expect(await queueOf(monitor)).toEqual(queue);
    expect(queue["last-avail-idx"]).toBe((queue["used-idx"] ?? 0) + (queue["inuse"] ?? 0));
    for (const command of WITHOUT_IO) expect(errorClass(await monitor.ask({ execute: command })), command).toBeUndefined();
    expect(await ask(monitor, "qom-get", { path: "/machine/peripheral/vda", property: "rerror" })).toBe("auto");
    expect(await ask(monitor, "query-status")).toMatchObject({ status: "running", running: true });

    expect(await monitor.ask(YANK)).toEqual({ return: {}, id: "yank" });
    const error = await monitor.event("BLOCK_IO_ERROR");
    expect(error["data"]).toMatchObject({ device: "", "node-name": "fmt0", operation: "read", action: "report", nospace: false });
    expect("qom-path" in (error["data"] as object)).toBe(peer.major >= 10);
    await until(async () => (await diskOf(monitor)).stats.failed_rd_operations > 0, "the failed read counted");
    expect((await diskOf(monitor)).stats.rd_operations).toBe(disk.stats.rd_operations);
  });

  test("goes on by itself when its server answers again", async () => {
    const vm = await startVm(peer, READING);
    const monitor = await open(vm);
    await untilItReads(monitor);
    await vm.stallIo();
    await until(async () => ((await queueOf(monitor))["inuse"] ?? 0) > 0, "a request that stays");
    const { stats } = await diskOf(monitor);
    await vm.thawNbdServer();
    await until(async () => (await diskOf(monitor)).stats.rd_operations > stats.rd_operations, "the reads going on");
    expect((await diskOf(monitor)).stats.failed_rd_operations).toBe(0);
  });

  test("holds a stop up with STOP said before, or from 11 on only when the guest's reads are over", async () => {
    const vm = await startVm(peer, READING);
    const monitor = await open(vm);
    await untilItReads(monitor);
    await vm.stallIo();
    await until(async () => ((await queueOf(monitor))["inuse"] ?? 0) > 0, "a request that stays");
    monitor.send('{"execute": "stop", "id": "hung"}\n');
    if (peer.major < 10) await monitor.event("STOP");
    for (let turn = 0; turn < 50; turn++) expect(await monitor.ask({ "exec-oob": "query-yank", id: "oob" })).toMatchObject({ id: "oob" });
    expect(monitor.events.some((event) => event["event"] === "STOP")).toBe(peer.major < 10);
    await vm.thawNbdServer();
    expect(await monitor.next()).toEqual({ return: {}, id: "hung" });
    await monitor.event("STOP");
  });
});

describePeers("an NBD node that has lost its server", (peer) => {
  test("stays listed, takes a yank without effect, and goes on once the server is back", async () => {
    const vm = await startVm(peer, { serial: false, reconnectDelayS: 60 });
    const monitor = await open(vm);
    await vm.loseNbdServer();
    monitor.send('{"execute": "stop", "id": "hung"}\n');
    await monitor.event("STOP");
    expect(await monitor.ask(YANK)).toEqual({ return: {}, id: "yank" });
    for (let turn = 0; turn < 50; turn++) expect(await monitor.ask({ "exec-oob": "query-yank", id: "oob" })).toMatchObject({ id: "oob" });
    expect(monitor.unread).toEqual([]);
    await vm.restoreNbdServer();
    expect(await monitor.next()).toEqual({ return: {}, id: "hung" });
  });
});

describePeers("a mirror whose target does not answer", (peer) => {
  test("stays ready and busy, shows in the block graph, and fails with the yank of its target while the guest runs on", async () => {
    const vm = await startVm(peer, { serial: false });
    const monitor = await open(vm);
    await vm.startStuckMirror();
    await monitor.event("BLOCK_JOB_READY");
    const said = monitor.events.map((event) =>
      event["event"] === "JOB_STATUS_CHANGE" ? (event["data"] as Message)["status"] : event["event"],
    );
    // A drain on the way may make it `standby` and `ready` once more.
    expect(said.slice(0, 4)).toEqual(["created", "running", "ready", "BLOCK_JOB_READY"]);
    expect(await ask(monitor, "query-block-jobs")).toMatchObject([
      { device: "mir0", type: "mirror", status: "ready", ready: true, busy: true },
    ]);
    expect(await ask(monitor, "query-jobs")).toMatchObject([{ id: "mir0", type: "mirror", status: "ready" }]);
    expect(edgesOf(await ask(monitor, "x-debug-query-block-graph"))).toEqual(
      expect.arrayContaining(["mir0 source fmt0", "mir0 target tgt", "fmt0 file nbd0"]),
    );
    monitor.events.length = 0;
    const instances = [{ type: "block-node", "node-name": "tgt" }];
    expect(await monitor.ask({ "exec-oob": "yank", arguments: { instances } })).toEqual({ return: {} });
    await until(() => monitor.events.length >= 5, "the end of the job");
    expect(monitor.events.map((event) => event["event"])).toEqual([
      "BLOCK_JOB_ERROR",
      "JOB_STATUS_CHANGE",
      "BLOCK_JOB_COMPLETED",
      "JOB_STATUS_CHANGE",
      "JOB_STATUS_CHANGE",
    ]);
    expect(monitor.events[0]?.["data"]).toEqual({ device: "mir0", operation: "write", action: "report" });
    expect(monitor.events[2]?.["data"]).toMatchObject({ device: "mir0", type: "mirror", error: "Input/output error" });
    expect(await ask(monitor, "query-status")).toMatchObject({ status: "running" });
  });
});

function edgesOf(answer: unknown): string[] {
  const graph = answer as { nodes: { id: number; name: string }[]; edges: { parent: number; child: number; name: string }[] };
  const nameOf = (id: number) => graph.nodes.find((node) => node.id === id)?.name;
  return graph.edges.map(({ parent, name, child }) => `${nameOf(parent)} ${name} ${nameOf(child)}`);
}
