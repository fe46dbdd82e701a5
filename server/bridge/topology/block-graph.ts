import { z } from "zod";

/**
 * The block graph of one moment, upside down: what stands on a node. Ids are valid within one answer only.
 * @see QEMU qapi/block-core.json, XDbgBlockGraph (unstable: checked here, and nothing depends on it being there)
 */
export interface BlockGraph {
  /** Names of the driver nodes. */
  readonly nodeNames: readonly string[];
  /** Nodes that a job put above the disk that it works on: filters, which hold no image. */
  readonly jobFilters: ReadonlySet<string>;
  usersOf(nodeName: string): BlockUsers;
}

export interface BlockUsers {
  /** Block backends with a name (a QOM path, a device's id, or the id of a `-drive`), the nearest first. */
  readonly backends: readonly BlockBackend[];
  readonly jobs: readonly { readonly jobId: string; readonly role: "source" | "target" }[];
  /** Nodes that a block backend without a name stands on, this one or above it: an export's, or a job's. */
  readonly unnamedOn: readonly string[];
}

export interface BlockBackend {
  readonly name: string;
  /** The nodes on the way, from below. */
  readonly through: readonly string[];
  /** Every edge on the way is `file` or the backend's own: this node holds the image itself, not something it is based on. */
  readonly isImage: boolean;
  /** An edge on the way is a backing one: the image that this node holds is only read, as far as nothing newer stands above it. */
  readonly isBacking: boolean;
  /** An edge on the way is a quorum's: there are other copies beside this one. */
  readonly isCopy: boolean;
  /** Whether it may write; undefined where it holds no permissions at all, as in a VM that waits for its migration. */
  readonly mayWrite?: boolean;
}

const MAX_NODES = 4_096;
const MAX_EDGES = 16_384;
/** A job writes to what hangs on these edges: a mirror's or backup's target, a commit's base, the node that is streamed into. */
const WRITTEN_EDGES: ReadonlySet<string> = new Set(["target", "base", "active node"]);
const id = z.union([z.number(), z.bigint()]).transform(String);
const name = z.string().max(4_096);
const graphSchema = z.object({
  nodes: z.array(z.object({ id, type: z.string(), name })).max(MAX_NODES),
  edges: z.array(z.object({ parent: id, child: id, name, perm: z.array(z.string()).max(16).catch([]) })).max(MAX_EDGES),
});
type GraphNode = z.infer<typeof graphSchema>["nodes"][number];
interface Parent {
  readonly node: GraphNode;
  readonly edge: string;
  readonly perm: readonly string[];
  /** A backing edge of an image with a file of its own; a mirror's and a commit's filter hang on their node by one too. */
  readonly isBacking: boolean;
}
type Parents = ReadonlyMap<string, readonly Parent[]>;

/** Undefined where the answer is not of the known shape. */
export function parseBlockGraph(answer: unknown): BlockGraph | undefined {
  const checked = graphSchema.safeParse(answer);
  if (!checked.success) return undefined;
  const nodes = new Map(checked.data.nodes.map((node) => [node.id, node]));
  const images = new Set(checked.data.edges.filter((edge) => edge.name === "file").map((edge) => edge.parent));
  const parents = new Map<string, Parent[]>();
  for (const edge of checked.data.edges) {
    const node = nodes.get(edge.parent);
    if (!node) continue;
    const entry = { node, edge: edge.name, perm: edge.perm, isBacking: edge.name === "backing" && images.has(edge.parent) };
    const list = parents.get(edge.child);
    if (list) list.push(entry);
    else parents.set(edge.child, [entry]);
  }
  const drivers = checked.data.nodes.filter((node) => node.type === "block-driver");
  const mainNodes = checked.data.edges.filter((edge) => edge.name === "main node" && nodes.get(edge.parent)?.type === "block-job");
  return {
    nodeNames: drivers.map((node) => node.name),
    jobFilters: new Set(mainNodes.flatMap((edge) => nodes.get(edge.child)?.name ?? [])),
    usersOf(nodeName) {
      const start = drivers.find((node) => node.name === nodeName);
      return start ? climb(start, parents) : { backends: [], jobs: [], unnamedOn: [] };
    },
  };
}

interface Step {
  readonly node: GraphNode;
  readonly through: readonly string[];
  readonly isImage: boolean;
  readonly isBacking: boolean;
  readonly isCopy: boolean;
}

function climb(start: GraphNode, parents: Parents): BlockUsers {
  const backends = new Map<string, BlockBackend>();
  const jobs = new Map<string, "source" | "target">();
  const unnamedOn = new Set<string>();
  const seen = new Set([start.id]);
  let level: Step[] = [{ node: start, through: [], isImage: true, isBacking: false, isCopy: false }];
  while (level.length > 0) {
    const next: Step[] = [];
    for (const at of level) {
      for (const parent of parents.get(at.node.id) ?? []) {
        const { node, edge, perm } = parent;
        if (node.type === "block-job") {
          // A job that is both (an active commit) writes here: the target is what hurts.
          const isWritten = WRITTEN_EDGES.has(edge) && !at.isBacking;
          if (isWritten || !jobs.has(node.name)) jobs.set(node.name, isWritten ? "target" : "source");
        } else if (node.type === "block-backend") {
          if (node.name === "") unnamedOn.add(at.node.name);
          else if (!backends.has(node.name)) backends.set(node.name, backendAt(node.name, at, perm));
        } else if (!seen.has(node.id) && edge !== "target") {
          // A filter's `target` is where a backup copies to. What stands on the filter does not stand on that.
          seen.add(node.id);
          next.push(above(at, parent));
        }
      }
    }
    level = next;
  }
  return { backends: [...backends.values()], jobs: [...jobs].map(([jobId, role]) => ({ jobId, role })), unnamedOn: [...unnamedOn] };
}

function above(at: Step, { node, edge, isBacking }: Parent): Step {
  return {
    node,
    through: [...at.through, node.name],
    isImage: at.isImage && edge === "file",
    isBacking: at.isBacking || isBacking,
    isCopy: at.isCopy || edge.startsWith("children."),
  };
}

function backendAt(backend: string, { through, isImage, isBacking, isCopy }: Step, perm: readonly string[]): BlockBackend {
  return { name: backend, through, isImage, isBacking, isCopy, mayWrite: perm.length === 0 ? undefined : perm.includes("write") };
}
