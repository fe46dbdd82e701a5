import { parseBlockGraph } from "./block-graph.ts";
import type { BlockGraph } from "./block-graph.ts";
import type { CommandLineFacts } from "./command-line.ts";
import type { OptionText } from "./option-text.ts";
import type { ErrorPolicy, GuestDisk } from "./topology.ts";

/** A device that was given a node, or the id of a `-drive`. */
export interface CommandLineDisk {
  readonly device: string;
  readonly type: string;
  readonly drive: string;
  readonly werror?: string;
  readonly rerror?: string;
}

/** One node below another, and by which edge. */
export interface CommandLineEdge {
  readonly parent: string;
  readonly edge: string;
  readonly child: string;
}

/** `-device virtio-blk-pci,drive=fmt0,id=vda`. */
export function diskDevice(options: OptionText): CommandLineDisk | undefined {
  const [type, drive] = [options.get("driver") ?? options.get(""), options.get("drive")];
  if (type === undefined || drive === undefined) return undefined;
  return {
    device: options.get("id") ?? `${type} without an id`,
    type,
    drive,
    werror: options.get("werror"),
    rerror: options.get("rerror"),
  };
}

/** The children that a `-blockdev` names or describes inline, of each of its parts that has a node name. */
export function nodeEdges(options: OptionText): CommandLineEdge[] {
  const edges: CommandLineEdge[] = [];
  for (const [key, parent] of options) {
    if (key !== "node-name" && !key.endsWith(".node-name")) continue;
    const prefix = key.slice(0, -"node-name".length);
    for (const [childKey, child] of options) {
      const edge = /^(file|backing|image|target|children\.\d+)(\.node-name)?$/.exec(childKey.slice(prefix.length))?.[1];
      if (childKey.startsWith(prefix) && edge !== undefined) edges.push({ parent, edge, child });
    }
  }
  return edges;
}

const graphs = new WeakMap<CommandLineFacts, BlockGraph | undefined>();

/**
 * The guest's disk on this node as QEMU was started, for a VM that hung before anything could be asked. Jobs, and what
 * was plugged or unplugged since, do not show.
 */
export function startingDisk(node: string, facts: CommandLineFacts): GuestDisk | undefined {
  if (facts.mayHideMonitors) return undefined;
  if (!graphs.has(facts)) graphs.set(facts, drawGraph(facts));
  const [backend] = graphs.get(facts)?.usersOf(node).backends ?? [];
  const disk = backend && facts.disks[Number(backend.name)];
  if (!backend || !disk) return undefined;
  const isNvme = disk.type === "nvme" || disk.type === "nvme-ns";
  return {
    device: disk.device,
    type: disk.type,
    through: backend.through,
    werror: policyOf(disk.werror, isNvme ? "report" : "enospc"),
    rerror: policyOf(disk.rerror, "report"),
    ...(backend.isBacking ? { isBacking: true } : {}),
    ...(backend.isCopy ? { isOneOfSeveralCopies: true } : {}),
  };
}

/** In the shape in which QEMU draws its own, so that both are climbed alike. */
function drawGraph({ nodeDrivers, edges, disks }: CommandLineFacts): BlockGraph | undefined {
  const nodes = [...nodeDrivers.keys()].map((name, id) => ({ id, type: "block-driver", name }));
  const ids = new Map(nodes.map(({ name, id }) => [name, id]));
  const backends = disks.map((_disk, index) => ({ id: nodes.length + index, type: "block-backend", name: String(index) }));
  const drawn = [
    ...edges.map(({ parent, edge, child }) => ({ parent: ids.get(parent), name: edge, child: ids.get(child) })),
    ...disks.map(({ drive }, index) => ({ parent: nodes.length + index, name: "root", child: ids.get(drive) })),
  ];
  const known = drawn.filter(({ parent, child }) => parent !== undefined && child !== undefined);
  return parseBlockGraph({ nodes: [...nodes, ...backends], edges: known });
}

function policyOf(value: string | undefined, auto: ErrorPolicy): ErrorPolicy {
  return value === "report" || value === "ignore" || value === "enospc" || value === "stop" ? value : auto;
}
