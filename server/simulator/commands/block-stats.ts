import { findNode } from "../block-chain.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { SimulatedBlockNode, SimulatedDevice } from "../options.ts";
import { any, bool, int, listOf, str, struct } from "../qapi-type.ts";
import type { WireObject } from "../wire-value.ts";
import { returns, type SimulatedCommand } from "./command.ts";
import { disksOf, qdevOf } from "./disks.ts";

const SECTOR_BYTES = 512;
const READ_NS = 50_000;
const IDLE = { reads: 0, failedReads: 0, idleMs: undefined };
const COUNTERS = ["rd_bytes", "wr_bytes", "unmap_bytes", "rd_operations", "wr_operations", "flush_operations", "unmap_operations"] as const;
const TIMES = ["rd_total_time_ns", "wr_total_time_ns", "flush_total_time_ns", "unmap_total_time_ns", "wr_highest_offset"] as const;
const FAILURES = ["failed", "invalid"].flatMap((how) => ["rd", "wr", "flush", "unmap"].map((what) => `${how}_${what}_operations`));
const ALL_INTS = [...COUNTERS, ...TIMES, "rd_merged", "wr_merged", "unmap_merged", ...FAILURES];
const STATS = struct({
  ...Object.fromEntries(ALL_INTS.map((name) => [name, int])),
  "*idle_time_ns": int,
  account_invalid: bool,
  account_failed: bool,
  timed_stats: listOf(any),
});

/** Counters without any I/O. A node's own stay 0: only devices count. @see QEMU qapi/block-core.json, BlockStats */
export const BLOCK_STATS_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-blockstats",
    arguments: struct({ "*query-nodes": bool }),
    returns: listOf(
      struct({ "*device": str, "*qdev": str, "*node-name": str, stats: STATS, "*driver-specific": any, "*parent": any, "*backing": any }),
    ),
    run: ({ machine }, args) => {
      if (args["query-nodes"] === true) return returns(machine.block.nodes.map((node) => describeNode(machine, node)));
      return returns(disksOf(machine).map((disk) => describeDisk(machine, disk)));
    },
  },
];

function describeDisk(machine: SimulatedMachine, disk: SimulatedDevice): WireObject {
  const node = findNode(machine.block.nodes, disk.drive);
  return {
    device: "",
    ...(node && belowOf(machine, node)),
    stats: statistics(machine.block.activityOf(disk), true),
    "node-name": disk.drive,
    qdev: qdevOf(machine, disk),
  };
}

function describeNode(machine: SimulatedMachine, node: SimulatedBlockNode): WireObject {
  const driverSpecific = { "discard-bytes-ok": 0, "discard-nb-ok": 0, driver: "file", "discard-nb-failed": 0 };
  return {
    ...belowOf(machine, node),
    stats: statistics(IDLE, false),
    "node-name": node.nodeName,
    "driver-specific": node.driver === "file" ? driverSpecific : undefined,
  };
}

/** `parent` is what a node is stored in; a filter has the same node as its `backing` once more; a quorum has neither. */
function belowOf(machine: SimulatedMachine, node: SimulatedBlockNode): WireObject {
  const describe = (nodeName: string | undefined): WireObject | undefined => {
    const below = findNode(machine.block.nodes, nodeName);
    return below && describeNode(machine, below);
  };
  switch (node.driver) {
    case "nbd":
    case "file":
    case "quorum":
      return {};
    case "throttle":
      return { parent: describe(node.file), backing: describe(node.file) };
    case "qcow2":
      return { parent: describe(node.file), backing: describe(node.backing) };
    default:
      return { parent: describe(node.file) };
  }
}

/** There is no in-flight counter: a hung disk and an idle one differ in nothing here. */
function statistics(
  { reads, failedReads, idleMs }: { reads: number; failedReads: number; idleMs: number | undefined },
  isDevice: boolean,
): WireObject {
  return {
    ...Object.fromEntries(ALL_INTS.map((name) => [name, 0])),
    timed_stats: [],
    account_invalid: isDevice,
    account_failed: isDevice,
    rd_total_time_ns: reads * READ_NS,
    rd_bytes: reads * SECTOR_BYTES,
    rd_operations: reads,
    failed_rd_operations: failedReads,
    idle_time_ns: idleMs === undefined ? undefined : Math.round(idleMs * 1e6),
  };
}
