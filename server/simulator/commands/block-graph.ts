import { childrenOf } from "../block-chain.ts";
import type { RunningJob } from "../block-jobs.ts";
import type { SimulatedMachine } from "../machine.ts";
import { enumOf, int, listOf, str, struct } from "../qapi-type.ts";
import type { WireObject } from "../wire-value.ts";
import { returns, type SimulatedCommand } from "./command.ts";
import { disksOf, qdevOf } from "./disks.ts";

const PERM = ["write", "consistent-read"];
const SHARED = ["resize", "write-unchanged", "consistent-read"];

/** What sits on what, without any I/O. @see QEMU qapi/block-core.json, XDbgBlockGraph */
export const BLOCK_GRAPH_COMMANDS: SimulatedCommand[] = [
  {
    name: "x-debug-query-block-graph",
    returns: struct({
      nodes: listOf(struct({ id: int, type: enumOf(["block-backend", "block-job", "block-driver"]), name: str })),
      edges: listOf(struct({ parent: int, child: int, name: str, perm: listOf(str), "shared-perm": listOf(str) })),
    }),
    features: ["unstable"],
    run: ({ machine }) => returns(new Graph(machine).describe()),
  },
];

interface GraphNode {
  type: "block-backend" | "block-job" | "block-driver";
  name: string;
}

/** Ids belong to one answer only. */
class Graph {
  readonly #machine: SimulatedMachine;
  readonly #nodes: GraphNode[] = [];
  readonly #edges: WireObject[] = [];

  constructor(machine: SimulatedMachine) {
    this.#machine = machine;
  }

  describe(): WireObject {
    const drivers = new Map(this.#machine.block.nodes.map(({ nodeName }) => [nodeName, this.#add("block-driver", nodeName)]));
    for (const node of this.#machine.block.nodes) {
      for (const child of childrenOf(node)) this.#connect(drivers.get(node.nodeName), child.name, drivers.get(child.nodeName));
    }
    const tops = new Map(drivers);
    for (const job of this.#machine.jobs.running) this.#addJob(job, drivers, tops);
    for (const disk of disksOf(this.#machine)) {
      this.#connect(this.#add("block-backend", qdevOf(this.#machine, disk)), "root", tops.get(disk.drive ?? ""));
    }
    return {
      edges: this.#edges,
      nodes: this.#nodes.map(({ type, name }, index): WireObject => ({ name, type, id: index + 1 })).toReversed(),
    };
  }

  /** A mirror's filter takes the source's place below the device, and a backend without a name writes to the target. */
  #addJob({ options, filterNode }: RunningJob, drivers: ReadonlyMap<string, number>, tops: Map<string, number>): void {
    const job = this.#add("block-job", options.id);
    if (filterNode !== undefined) {
      const filter = this.#add("block-driver", filterNode);
      this.#connect(filter, "backing", drivers.get(options.device));
      this.#connect(job, "main node", filter);
      tops.set(options.device, filter);
    }
    this.#connect(job, "source", drivers.get(options.device));
    this.#connect(job, "target", drivers.get(options.target));
    this.#connect(this.#add("block-backend", ""), "root", drivers.get(options.target));
  }

  #add(type: GraphNode["type"], name: string): number {
    return this.#nodes.push({ type, name });
  }

  #connect(parent: number | undefined, name: string, child: number | undefined): void {
    if (parent !== undefined && child !== undefined) this.#edges.push({ name, parent, "shared-perm": SHARED, perm: PERM, child });
  }
}
