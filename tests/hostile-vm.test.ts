import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { startTestRegistry } from "#server/bridge/testing/test-registry";
import { vmReportSchema } from "#server/hub/bridges/link-schemas";
import { startSimulatedVm } from "../server/simulator/index.ts";
import type { SimulatedVm, SimulatedVmOptions } from "../server/simulator/index.ts";

const PATIENCE = { timeout: 20_000, interval: 50 };
const DISK: Pick<SimulatedVmOptions, "blockNodes" | "devices"> = {
  blockNodes: [
    { driver: "nbd", nodeName: "nbd0", server: { type: "inet", host: "192.0.2.1", port: "10809" } },
    { driver: "raw", nodeName: "fmt0", file: "nbd0" },
  ],
  devices: [{ id: "vda", type: "virtio-blk-pci", drive: "fmt0", readsPerSecond: 50 }],
};

/** What no QEMU would say, of everything that a diagnosis reads. */
function lie(vm: SimulatedVm): void {
  const qdev = "/machine/peripheral/vda/virtio-backend";
  // The first of a build to be asked answers for all of it: none of these commands would exist.
  vm.answerWith("query-qmp-schema", [{ name: "query-status", "meta-type": "command", "arg-type": "0", "ret-type": "0" }]);
  vm.answerWith("query-blockstats", [
    { qdev, "node-name": "fmt0", stats: { rd_operations: -7, wr_operations: 1e300, flush_operations: "many" } },
    ...Array.from({ length: 1_000 }, (_, index) => ({ qdev: `${"x".repeat(2_000)}${index}`, stats: {} })),
  ]);
  vm.answerWith("x-query-virtio", [{ name: "virtio-blk", path: qdev }, 7, { name: [], path: null }]);
  vm.answerWith("x-query-virtio-queue-status", { inuse: -1, "used-idx": 0.5, name: { a: 1 } });
  vm.answerWith("query-iothreads", { not: "a list" });
  vm.answerWith("x-debug-query-block-graph", { nodes: [{ id: -1, type: 7, name: null }], edges: "none" });
  vm.answerWith("query-block-jobs", [{ device: 1, type: {}, len: -1 }]);
  vm.answerWith("query-cpus-fast", [{ "thread-id": -1 }, { "thread-id": "all" }]);
}

test("a VM that lies in all that is read of it is told of as far as the link allows, and costs another no reading", async () => {
  const directory = mkdtempSync(join(tmpdir(), "rc-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const start = async (name: string) => {
    const path = join(directory, `${name}.sock`);
    const vm = await startSimulatedVm({ ...DISK, name, monitors: [{ id: "ripcord", path }] });
    onTestFinished(() => vm.close());
    return { vm, path };
  };
  const test = startTestRegistry({ probe: { ioStallAfterMs: 1_000 } });
  onTestFinished(() => test.close());
  const reportOf = (name: string) => {
    const reports = test.registry.listedIds().map((vmId) => test.registry.report(vmId));
    return reports.find((report) => report?.name === name);
  };
  const liar = await start("liar");
  lie(liar.vm);
  test.appear(liar.path);
  await vi.waitFor(() => expect(reportOf("liar")?.topologyAgeMs).toBeDefined(), PATIENCE);
  const honest = await start("honest");
  test.appear(honest.path);
  await vi.waitFor(() => expect(reportOf("honest")?.disks?.[0]?.wasBusy).toBe(true), PATIENCE);
  honest.vm.stallIo("nbd0");
  await vi.waitFor(() => expect(reportOf("honest")?.health.verdict).toEqual({ kind: "io-stalled", nodes: ["nbd0"] }), PATIENCE);
  expect(reportOf("honest")?.disks).toMatchObject([{ device: "vda", outstandingCount: 1 }]);

  expect(reportOf("liar")?.health.verdict.kind).toBe("healthy");
  const checked = vmReportSchema.safeParse(JSON.parse(JSON.stringify(reportOf("liar"))));
  expect(checked.error?.issues ?? []).toEqual([]);
}, 60_000);
