import { z } from "zod";

/**
 * The block graph of one moment, upside down: what stands on a node. Ids are valid within one answer only.
 * @see QEMU qapi/block-core.json, XDbgBlockGraph (unstable: checked here, and nothing depends on it being there)
 */
export interface BlockGraph {
  /** Names of the driver nodes. */
  readonly nodeNames: readonly string[];
  usersOf(nodeName: string): BlockUsers;
}

export interface BlockUsers {
  /** Block backends with a name (a QOM path, or the id of a `-drive`) and the nodes on the way, from below. */
  readonly backends: readonly { readonly name: string; readonly through: readonly string[] }[];
  readonly jobs: readonly { readonly jobId: string; readonly role: "source" | "target" }[];
}

const MAX_NODES = 4_096;
const MAX_EDGES = 16_384;
const id = z.union([z.number(), z.bigint()]).transform(String);
const name = z.string().max(4_096);
const graphSchema = z.object({
  nodes: z.array(z.object({ id, type: z.string(), name })).max(MAX_NODES),
  edges: z.array(z.object({ parent: id, child: id, name })).max(MAX_EDGES),
});
type GraphNode = z.infer<typeof graphSchema>["nodes"][number];

/** Undefined where the answer is not of the known shape. */
export function parseBlockGraph(answer: unknown): BlockGraph | undefined {
  const checked = graphSchema.safeParse(answer);
  if (!checked.success) return undefined;
  const nodes = new Map(checked.data.nodes.map((node) => [node.id, node]));
  const parents = new Map<string, { node: GraphNode; edge: string }[]>();
  for (const edge of checked.data.edges) {
    const node = nodes.get(edge.parent);
    if (!node) continue;
    const list = parents.get(edge.child);
    if (list) list.push({ node, edge: edge.name });
    else parents.set(edge.child, [{ node, edge: edge.name }]);
  }
  const drivers = checked.data.nodes.filter((node) => node.type === "block-driver");
  return {
    nodeNames: drivers.map((node) => node.name),
    usersOf(nodeName) {
      const start = drivers.find((node) => node.name === nodeName);
      return start ? climb(start, parents) : { backends: [], jobs: [] };
    },
  };
}

function climb(start: GraphNode, parents: ReadonlyMap<string, { node: GraphNode; edge: string }[]>): BlockUsers {
  const backends = new Map<string, readonly string[]>();
  const jobs = new Map<string, "source" | "target">();
  const seen = new Set([start.id]);
  let level: { id: string; through: readonly string[] }[] = [{ id: start.id, through: [] }];
  while (level.length > 0) {
    const next: typeof level = [];
    for (const at of level) {
      for (const { node, edge } of parents.get(at.id) ?? []) {
        if (node.type === "block-job") {
          // A job that is both (an active commit) writes here: the target is what hurts.
          if (edge === "target" || !jobs.has(node.name)) jobs.set(node.name, edge === "target" ? "target" : "source");
        } else if (node.type === "block-backend") {
          // Jobs and exports hold backends without a name; they say nothing of a device.
          if (node.name !== "" && !backends.has(node.name)) backends.set(node.name, at.through);
        } else if (!seen.has(node.id) && edge !== "target") {
          // A filter's `target` is where a backup copies to. What stands on the filter does not stand on that.
          seen.add(node.id);
          next.push({ id: node.id, through: [...at.through, node.name] });
        }
      }
    }
    level = next;
  }
  return {
    backends: [...backends].map(([backend, through]) => ({ name: backend, through })),
    jobs: [...jobs].map(([jobId, role]) => ({ jobId, role })),
  };
}
