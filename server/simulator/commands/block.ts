import { any, bool, enumOf, int, listOf, str, struct } from "../qapi-type.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { CommandOutcome } from "../main-loop.ts";
import type { SimulatedBlockNode, SimulatedDevice } from "../options.ts";
import type { WireObject } from "../wire-value.ts";
import { fails, returns, type SimulatedCommand } from "./command.ts";

const IMAGE_BYTES = 16_777_216;
const SECTOR_BYTES = 512;

/** Disks, the nodes below them, and their counters. @see QEMU qapi/block-core.json, qapi/block.json, qapi/job.json */
export const BLOCK_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-block",
    returns: listOf(
      struct({
        device: str,
        "*qdev": str,
        type: str,
        removable: bool,
        locked: bool,
        "*io-status": str,
        "*tray_open": bool,
        "*inserted": any,
      }),
    ),
    run: ({ machine }) => afterMetadata(machine, () => returns(disksOf(machine).map((disk) => describeDisk(machine, disk)))),
  },
  {
    name: "query-named-block-nodes",
    arguments: struct({ "*flat": bool }),
    returns: listOf(any),
    run: ({ machine }) => afterMetadata(machine, () => returns(machine.block.nodes.map((node) => describeNode(machine, node)))),
  },
  {
    name: "x-debug-query-block-graph",
    returns: struct({
      nodes: listOf(struct({ id: int, type: enumOf(["block-backend", "block-job", "block-driver"]), name: str })),
      edges: listOf(struct({ parent: int, child: int, name: str, perm: listOf(str), "shared-perm": listOf(str) })),
    }),
    features: ["unstable"],
    run: ({ machine }) => returns(describeGraph(machine)),
  },
  {
    name: "query-blockstats",
    arguments: struct({ "*query-nodes": bool }),
    returns: listOf(struct({ "*device": str, "*qdev": str, "*node-name": str, stats: any, "*parent": any, "*backing": any })),
    run: ({ machine }, args) => {
      if (args["query-nodes"] === true) {
        return returns(machine.block.nodes.map((node) => ({ stats: statistics(0, undefined), "node-name": node.nodeName })));
      }
      return returns(disksOf(machine).map((disk) => describeStatistics(machine, disk)));
    },
  },
  { name: "query-block-jobs", returns: listOf(any), run: () => returns([]) },
  { name: "query-jobs", returns: listOf(any), run: () => returns([]) },
  {
    name: "blockdev-del",
    arguments: struct({ "node-name": str }),
    run: ({ machine }, args) => {
      const nodeName = String(args["node-name"]);
      if (!machine.block.nodes.some((node) => node.nodeName === nodeName)) return fails(`Failed to find node with node-name='${nodeName}'`);
      return fails(`Node ${nodeName} is in use`);
    },
  },
];

/** Both block queries read the bitmap directory of an image that has one, and so can be the thing that hangs (H5). */
function afterMetadata(machine: SimulatedMachine, answer: () => CommandOutcome): CommandOutcome {
  const finish = () => (machine.block.hasDeadMetadata() ? fails("Failed to read bitmap directory: Input/output error") : answer());
  return machine.block.blockOnMetadata() ? { kind: "blocked", resume: finish } : finish();
}

function disksOf(machine: SimulatedMachine): SimulatedDevice[] {
  return machine.block.devices.filter((device) => device.drive !== undefined);
}

/** Where QEMU says that a disk is: the backend of a virtio device with an id, else its QOM path. */
function qdevOf(machine: SimulatedMachine, disk: SimulatedDevice): string {
  const isVirtio = disk.type.startsWith("virtio-blk");
  if (disk.id !== undefined && !disk.isBuiltIn) return isVirtio ? `/machine/peripheral/${disk.id}/virtio-backend` : disk.id;
  const index = machine.block.devices.filter((device) => device.id === undefined || device.isBuiltIn).indexOf(disk);
  return `/machine/peripheral-anon/device[${index}]${isVirtio ? "/virtio-backend" : ""}`;
}

function nodeOf(machine: SimulatedMachine, nodeName: string | undefined): SimulatedBlockNode | undefined {
  return machine.block.nodes.find((node) => node.nodeName === nodeName);
}

function filenameOf(machine: SimulatedMachine, node: SimulatedBlockNode): string {
  switch (node.driver) {
    case "file":
      return node.filename;
    case "nbd": {
      const name = node.export === undefined ? "" : `/${node.export}`;
      if (node.server.type === "unix") return `nbd+unix://${name || "/"}?socket=${node.server.path}`;
      return `nbd://${node.server.host}:${node.server.port}${name}`;
    }
    default: {
      const file = nodeOf(machine, node.file);
      return file ? filenameOf(machine, file) : node.file;
    }
  }
}

function describeNode(machine: SimulatedMachine, node: SimulatedBlockNode): WireObject {
  const filename = filenameOf(machine, node);
  const isNew = machine.core.traits.hasNewMigration;
  const child = "file" in node ? node.file : undefined;
  return {
    iops_rd: 0,
    detect_zeroes: "off",
    image: { "virtual-size": IMAGE_BYTES, filename, format: node.driver },
    iops_wr: 0,
    ro: false,
    "node-name": node.nodeName,
    backing_file_depth: 0,
    drv: node.driver,
    iops: 0,
    bps_wr: 0,
    write_threshold: 0,
    encrypted: false,
    bps: 0,
    bps_rd: 0,
    cache: { "no-flush": false, direct: false, writeback: true },
    file: filename,
    active: isNew ? true : undefined,
    children: isNew ? (child === undefined ? [] : [{ "node-name": child, child: "file" }]) : undefined,
  };
}

function describeDisk(machine: SimulatedMachine, disk: SimulatedDevice): WireObject {
  const node = nodeOf(machine, disk.drive);
  const canStop = disk.rerror === "stop" || disk.werror === undefined || ["auto", "enospc", "stop"].includes(disk.werror);
  return {
    "io-status": canStop ? (machine.core.runState === "io-error" ? "failed" : "ok") : undefined,
    device: "",
    locked: false,
    removable: false,
    inserted: node && describeNode(machine, node),
    qdev: qdevOf(machine, disk),
    type: "unknown",
  };
}

function describeGraph(machine: SimulatedMachine): WireObject {
  const disks = disksOf(machine);
  const idOf = (nodeName: string | undefined) => disks.length + 1 + machine.block.nodes.findIndex((node) => node.nodeName === nodeName);
  const perm = ["write", "consistent-read"];
  const shared = ["resize", "write-unchanged", "consistent-read"];
  const fileEdges = machine.block.nodes
    .filter((node) => "file" in node && nodeOf(machine, node.file) !== undefined)
    .map((node) => ({
      name: "file",
      parent: idOf(node.nodeName),
      "shared-perm": shared,
      perm,
      child: idOf("file" in node ? node.file : undefined),
    }));
  const rootEdges = disks.map((disk, index) => ({ name: "root", parent: index + 1, "shared-perm": shared, perm, child: idOf(disk.drive) }));
  return {
    edges: [...fileEdges, ...rootEdges],
    nodes: [
      ...machine.block.nodes.map((node) => ({ name: node.nodeName, type: "block-driver", id: idOf(node.nodeName) })),
      ...disks.map((disk, index) => ({ name: qdevOf(machine, disk), type: "block-backend", id: index + 1 })),
    ],
  };
}

function describeStatistics(machine: SimulatedMachine, disk: SimulatedDevice): WireObject {
  const { operations, idleMs } = machine.block.completedReads(disk);
  const node = nodeOf(machine, disk.drive);
  const child = node && "file" in node ? node.file : undefined;
  return {
    device: "",
    parent: child === undefined ? undefined : { stats: statistics(0, undefined), "node-name": child },
    stats: statistics(operations, idleMs),
    "node-name": disk.drive,
    qdev: qdevOf(machine, disk),
  };
}

/** There is no in-flight counter: a hung disk and an idle one differ in nothing here. */
function statistics(reads: number, idleMs: number | undefined): WireObject {
  return {
    unmap_operations: 0,
    unmap_merged: 0,
    flush_total_time_ns: 0,
    wr_highest_offset: 0,
    wr_total_time_ns: 0,
    failed_wr_operations: 0,
    failed_rd_operations: 0,
    wr_merged: 0,
    wr_bytes: 0,
    timed_stats: [],
    failed_unmap_operations: 0,
    failed_flush_operations: 0,
    account_invalid: true,
    rd_total_time_ns: reads * 100_000,
    invalid_unmap_operations: 0,
    flush_operations: 0,
    wr_operations: 0,
    unmap_bytes: 0,
    rd_merged: 0,
    rd_bytes: reads * SECTOR_BYTES,
    unmap_total_time_ns: 0,
    invalid_flush_operations: 0,
    account_failed: true,
    idle_time_ns: idleMs === undefined ? undefined : Math.round(idleMs * 1e6),
    rd_operations: reads,
    invalid_wr_operations: 0,
    invalid_rd_operations: 0,
  };
}
