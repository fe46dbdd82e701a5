import { childrenOf, findNode } from "../block-chain.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { CommandOutcome } from "../main-loop.ts";
import type { SimulatedBlockNode, SimulatedDevice } from "../options.ts";
import { any, bool, listOf, str, struct } from "../qapi-type.ts";
import type { WireObject } from "../wire-value.ts";
import { fails, returns, type SimulatedCommand } from "./command.ts";
import { disksOf, filenameOf, qdevOf } from "./disks.ts";

const IMAGE_BYTES = 16_777_216;

/** Disks and the nodes below them. @see QEMU qapi/block-core.json, qapi/block.json */
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
    run: ({ machine }) => afterMetadata(machine, () => returns(describeNodes(machine))),
  },
  {
    name: "blockdev-del",
    arguments: struct({ "node-name": str }),
    run: ({ machine }, args) => {
      const nodeName = String(args["node-name"]);
      if (!findNode(machine.block.nodes, nodeName)) return fails(`Failed to find node with node-name='${nodeName}'`);
      return fails(`Node ${nodeName} is in use`);
    },
  },
];

/** Both block queries read the bitmap directory of an image that has one, and so can be the thing that hangs (H5). */
function afterMetadata(machine: SimulatedMachine, answer: () => CommandOutcome): CommandOutcome {
  const finish = () => (machine.block.hasDeadMetadata() ? fails("Failed to read bitmap directory: Input/output error") : answer());
  return machine.block.blockOnMetadata() ? { kind: "blocked", resume: finish } : finish();
}

/** The newest node first. */
function describeNodes(machine: SimulatedMachine): WireObject[] {
  const filters = machine.jobs.running.flatMap(({ filterNode, options }) => {
    const source = findNode(machine.block.nodes, options.device);
    if (filterNode === undefined || !source) return [];
    const children = [{ "node-name": options.device, child: "backing" }];
    const { image: _, ...plain } = describeNode(machine, source);
    return [
      {
        ...plain,
        "node-name": filterNode,
        drv: "mirror_top",
        image: imageOf(machine, source, "mirror_top"),
        children: ifNew(machine, children),
      },
    ];
  });
  return [...filters, ...machine.block.nodes.map((node) => describeNode(machine, node)).toReversed()];
}

function describeNode(machine: SimulatedMachine, node: SimulatedBlockNode): WireObject {
  const children = childrenOf(node).map(({ name, nodeName }) => ({ "node-name": nodeName, child: name }));
  return {
    iops_rd: 0,
    detect_zeroes: "off",
    active: ifNew(machine, true),
    image: imageOf(machine, node, node.driver),
    iops_wr: 0,
    ro: node.isReadOnly ?? false,
    children: ifNew(machine, children),
    "node-name": node.nodeName,
    backing_file_depth: node.driver === "qcow2" && node.backing !== undefined ? 1 : 0,
    drv: node.driver,
    iops: 0,
    bps_wr: 0,
    write_threshold: 0,
    encrypted: false,
    bps: 0,
    bps_rd: 0,
    cache: { "no-flush": false, direct: false, writeback: true },
    file: filenameOf(machine, node),
  };
}

function imageOf(machine: SimulatedMachine, node: SimulatedBlockNode, format: string): WireObject {
  return { "virtual-size": IMAGE_BYTES, filename: filenameOf(machine, node), format };
}

function describeDisk(machine: SimulatedMachine, disk: SimulatedDevice): WireObject {
  const node = findNode(machine.block.nodes, disk.drive);
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

function ifNew<T>(machine: SimulatedMachine, value: T): T | undefined {
  return machine.core.traits.hasNewMigration ? value : undefined;
}
