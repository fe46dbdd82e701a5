import { describe, expect, it } from "vitest";
import type { AskInBand } from "../vm/ports.ts";
import { ALLOWED_COMMANDS } from "../allowed-commands.ts";
import { carryDetails, DETAIL_COMMANDS, lacksDetails, readBlockDetails } from "./block-details.ts";
import type { StorageProgress } from "./block-details.ts";
import { recordedVm, RefusedError } from "./fixtures/recorded-vm.ts";
import { readTopology } from "./read-topology.ts";
import type { Topology } from "./topology.ts";

const DANGEROUS = 'query-named-block-nodes {"flat":true}';

async function start(version: "7.2" | "11.1", name: "qemu" | "shapes") {
  const vm = recordedVm(version, name);
  const { instances, commandLine } = vm;
  const topology = await readTopology(vm.ask, { instances, commandLine });
  vm.asked.length = 0;
  return { vm, topology, commandLine };
}

/** Every user of storage did something between the two looks, or none did. */
function before(progress: StorageProgress, isMoving: boolean): StorageProgress {
  const less = (counts: ReadonlyMap<string, number>) => new Map([...counts].map(([key, count]) => [key, isMoving ? count - 1 : count]));
  return { completed: less(progress.completed), jobOffsets: less(progress.jobOffsets) };
}

describe.each(["7.2", "11.1"] as const)("sizes and file names of a QEMU %s", (version) => {
  it("are read at once where every node answers out of memory, as the command line says", async () => {
    const { vm, topology, commandLine } = await start(version, "qemu");
    const step = await readBlockDetails(vm.ask, topology, { commandLine });
    expect(step.kind).toBe("done");
    expect(vm.asked).toEqual(["x-debug-query-block-graph", "query-block-jobs", "query-iothreads", "query-blockstats", DANGEROUS]);
    const read = step.kind === "done" ? step.topology : topology;
    expect(read.blockNodes.get("nbd1")).toMatchObject({ sizeBytes: 67_108_864, source: { host: "127.0.0.1", port: "20809" } });
    expect(lacksDetails(read)).toBe(false);
  });

  it("are asked for without counting where an I/O thread may hold the lock that counting takes", async () => {
    const { vm, topology, commandLine } = await start(version, "qemu");
    const ask: AskInBand = (command, args) => (command === "query-iothreads" ? Promise.resolve([{ id: "io0" }]) : vm.ask(command, args));
    const step = await readBlockDetails(ask, topology, { commandLine, version: { major: 7, minor: 2, micro: 0, package: "" } });
    expect(vm.asked).not.toContain("query-blockstats");
    expect(step.kind).toBe("done");
    vm.asked.length = 0;
    await readBlockDetails(ask, topology, { commandLine, version: { major: 9, minor: 0, micro: 0, package: "" } });
    expect(vm.asked).toContain("query-blockstats");
  });

  it("are not asked for where the command line is not known and nothing was seen to work", async () => {
    const { vm, topology } = await start(version, "qemu");
    expect((await readBlockDetails(vm.ask, topology, {})).kind).toBe("look-again");
    expect(vm.asked).not.toContain(DANGEROUS);
  });

  it("wait for a qcow2 image to be seen at work, and do not while it stands still", async () => {
    const { vm, topology, commandLine } = await start(version, "shapes");
    const first = await readBlockDetails(vm.ask, topology, { commandLine });
    if (first.kind !== "look-again") throw new Error("It asked at once");
    const idle = await readBlockDetails(vm.ask, topology, { commandLine, former: before(first.progress, false) });
    expect(idle.kind).toBe("look-again");
    expect(vm.asked).not.toContain(DANGEROUS);
    const moving = { ...before(first.progress, true) };
    expect((await readBlockDetails(vm.ask, topology, { commandLine, former: moving })).kind).toBe("look-again");
  });

  it("are given up for good where there is no block graph", async () => {
    const { vm, topology, commandLine } = await start(version, "qemu");
    const ask: AskInBand = (command, args) =>
      command === "x-debug-query-block-graph" ? Promise.reject(new RefusedError("no such command")) : vm.ask(command, args);
    const step = await readBlockDetails(ask, topology, { commandLine });
    expect(step.kind === "done" && lacksDetails(step.topology)).toBe(false);
    expect(vm.asked).toEqual([]);
  });
});

describe("the one query that can wait for storage", () => {
  const GRAPH = {
    nodes: [
      { id: 1, type: "block-driver", name: "fmt0" },
      { id: 2, type: "block-driver", name: "nbd0" },
      { id: 3, type: "block-backend", name: "/machine/peripheral/vda/virtio-backend" },
    ],
    edges: [
      { parent: 1, child: 2, name: "file" },
      { parent: 3, child: 1, name: "root" },
    ],
  };
  const topology: Topology = {
    chardevs: undefined,
    owners: new Map(),
    areMonitorsObjects: true,
    blockNodes: new Map([["nbd0", { isGraphRead: true, jobs: [], disk: { device: "vda", through: ["fmt0"] } }]]),
  };
  const qcow2 = ["qemu-system-x86_64", "-blockdev", "driver=qcow2,node-name=fmt0,file=nbd0"];
  const asking = (reads: number, jobs: object[] = []) => {
    const asked: string[] = [];
    const ask: AskInBand = (command) => {
      asked.push(command);
      switch (command) {
        case "x-debug-query-block-graph":
          return Promise.resolve(GRAPH);
        case "query-block-jobs":
          return Promise.resolve(jobs);
        case "query-iothreads":
          return Promise.resolve([]);
        case "query-blockstats":
          return Promise.resolve([
            {
              device: "",
              qdev: "/machine/peripheral/vda/virtio-backend",
              stats: { rd_operations: reads, wr_operations: 0, flush_operations: 0 },
            },
          ]);
        default:
          return Promise.resolve([{ "node-name": "fmt0", drv: "qcow2", file: "json:{}", ro: false, image: { "virtual-size": 7 } }]);
      }
    };
    return { ask, asked };
  };
  const former: StorageProgress = { completed: new Map([["/machine/peripheral/vda/virtio-backend", 5]]), jobOffsets: new Map() };

  it("is sent for a qcow2 image whose disk completed a request since the former look", async () => {
    const { ask, asked } = asking(6);
    const step = await readBlockDetails(ask, topology, { commandLine: qcow2, former });
    expect(asked).toContain("query-named-block-nodes");
    expect(step.kind === "done" && step.topology.blockNodes.get("nbd0")?.sizeBytes).toBe(7);
  });

  it("is not sent where it completed none, where its count fell, or at the first look", async () => {
    for (const [reads, of] of [
      [5, former],
      [1, former],
      [6, undefined],
    ] as const) {
      const { ask, asked } = asking(reads);
      expect((await readBlockDetails(ask, topology, { commandLine: qcow2, former: of })).kind).toBe("look-again");
      expect(asked).not.toContain("query-named-block-nodes");
    }
  });

  it("is not sent while a job starts, however busy the disk is", async () => {
    const { ask, asked } = asking(6, [{ device: "mir0", status: "running", offset: 0 }]);
    await readBlockDetails(ask, topology, { commandLine: qcow2, former });
    expect(asked).not.toContain("query-named-block-nodes");
  });

  it("is on the bridge's allow-list with all that comes before it, and query-block is not", () => {
    expect(DETAIL_COMMANDS.filter((command) => !ALLOWED_COMMANDS.has(command))).toEqual([]);
    expect(ALLOWED_COMMANDS.has("query-block")).toBe(false);
  });

  it("is not needed again for nodes that are still the same", () => {
    const known = { ...topology.blockNodes.get("nbd0")!, sizeBytes: 7, source: { path: "/run/n", exportName: "" } };
    const former = { ...topology, blockNodes: new Map([["nbd0", known]]) };
    expect(carryDetails(topology, former).blockNodes.get("nbd0")).toMatchObject({ sizeBytes: 7, source: { path: "/run/n" } });
    const elsewhere: Topology = { ...topology, blockNodes: new Map([["nbd0", { isGraphRead: true, jobs: [] }]]) };
    expect(carryDetails(elsewhere, former).blockNodes.get("nbd0")?.sizeBytes).toBeUndefined();
    expect(lacksDetails(carryDetails(topology, undefined))).toBe(true);
  });
});
