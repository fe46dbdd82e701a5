import type { QemuVersion } from "#lib/qapi/greeting";
import { z } from "zod";
import type { AskInBand } from "../vm/ports.ts";
import { parseBlockGraph } from "./block-graph.ts";
import type { BlockGraph } from "./block-graph.ts";
import { findBackend, mayCountBlocks, parseCountedBackends } from "./block-stats.ts";
import type { CountedBackend } from "./block-stats.ts";
import { readCommandLineFacts } from "./command-line.ts";
import type { CommandLineFacts } from "./command-line.ts";
import { listOf } from "./list-of.ts";
import { parseNbdFileName } from "./nbd-source.ts";
import { QomReader } from "./qom-reader.ts";
import type { BlockNodeReading, Topology } from "./topology.ts";

/**
 * The commands of this step. Only the last one can touch storage, and it is sent only after the others said that it will
 * not wait for it. @see docs/decisions/0007-when-block-queries-are-sent.md
 */
export const DETAIL_COMMANDS = [
  "x-debug-query-block-graph",
  "query-block-jobs",
  "query-iothreads",
  "query-blockstats",
  "query-named-block-nodes",
] as const;

/** Drivers whose nodes QEMU can describe out of its own memory, or by one `fstat` of a local file. */
const QUIET_DRIVERS: ReadonlySet<string> = new Set([
  ...["nbd", "raw", "throttle", "copy-on-read", "copy-before-write", "quorum", "blkdebug", "blkverify", "replication", "preallocate"],
  ...["null-co", "null-aio", "file", "host_device", "host_cdrom"],
]);

/** How much work each user of storage had done when it was looked at. */
export interface StorageProgress {
  readonly completed: ReadonlyMap<string, number>;
  readonly jobOffsets: ReadonlyMap<string, number>;
}

export type DetailsStep =
  /** Read, or not to be had. */
  | { readonly kind: "done"; readonly topology: Topology }
  /** Storage has to be seen at work first: come back with this within a few seconds. */
  | { readonly kind: "look-again"; readonly progress: StorageProgress };

const namedNodeSchema = z.object({
  "node-name": z.string(),
  drv: z.string().max(256).optional(),
  file: z.string().max(8_192),
  ro: z.boolean(),
  image: z.object({ "virtual-size": z.union([z.number(), z.bigint()]).transform(Number) }).optional(),
});
type NamedNode = z.infer<typeof namedNodeSchema>;
const jobSchema = z.object({
  device: z.string(),
  status: z.string().max(64),
  offset: z.union([z.number(), z.bigint()]).transform(Number),
});

/** Whether there is anything to learn: each NBD node is asked for once. */
export function lacksDetails(topology: Topology): boolean {
  return [...topology.blockNodes.values()].some((node) => node.isGraphRead === true && node.sizeBytes === undefined);
}

/**
 * File names and sizes by `query-named-block-nodes`, the one reading here that can wait for storage: it describes every
 * node of the VM, and a qcow2 image with bitmaps is read for it. So all others are asked first, and it is sent only when
 * every node is of a driver that answers out of memory, or lies below a disk or a job that did work since `former`.
 * Rejects as `ask` does.
 * @param former how far everything was a few seconds ago; older than that it proves nothing.
 */
export async function readBlockDetails(
  ask: AskInBand,
  topology: Topology,
  options: { readonly commandLine?: readonly string[]; readonly version?: QemuVersion; readonly former?: StorageProgress },
): Promise<DetailsStep> {
  const qom = new QomReader(ask);
  const graph = parseBlockGraph(await qom.tryAsk("x-debug-query-block-graph"));
  // Without a graph nothing tells whether the query is safe, so it is never sent.
  if (!graph) return { kind: "done", topology: withDetails(topology, new Map()) };
  const jobs = listOf(await qom.tryAsk("query-block-jobs"), jobSchema);
  const mayCount = await mayCountBlocks((command) => qom.tryAsk(command), options.version);
  const counted = mayCount ? parseCountedBackends(await qom.tryAsk("query-blockstats")) : [];
  const progress: StorageProgress = {
    completed: new Map(counted.map((backend) => [keyOf(backend), backend.completedCount])),
    jobOffsets: new Map(jobs.map((job) => [job.device, job.offset])),
  };
  const facts = options.commandLine && readCommandLineFacts(options.commandLine);
  // A job that begins is when storage is asked for more than ever, and nothing is known of how it takes it.
  const isJobStarting = jobs.some((job) => job.status === "created" || (job.status === "running" && job.offset === 0));
  const isQuiet =
    !isJobStarting && graph.nodeNames.every((node) => isSafe(node, { graph, topology, facts, counted, progress, ...options }));
  if (!isQuiet) return { kind: "look-again", progress };
  const named = listOf(await qom.tryAsk("query-named-block-nodes", { flat: true }), namedNodeSchema);
  return { kind: "done", topology: withDetails(topology, new Map(named.map((node) => [node["node-name"], node]))) };
}

interface SafetyContext {
  readonly graph: BlockGraph;
  readonly topology: Topology;
  readonly facts: CommandLineFacts | undefined;
  readonly counted: readonly CountedBackend[];
  readonly progress: StorageProgress;
  readonly former?: StorageProgress;
}

/** Whether describing this node cannot wait for storage, as far as can be told without asking. */
function isSafe(node: string, { graph, topology, facts, counted, progress, former }: SafetyContext): boolean {
  // What QEMU's yank lists is an NBD client's node.
  const driver = topology.blockNodes.has(node) ? "nbd" : facts?.nodeDrivers.get(node);
  if (driver !== undefined && QUIET_DRIVERS.has(driver)) return true;
  if (graph.jobFilters.has(node)) return true;
  const { backends, jobs } = graph.usersOf(node);
  if (driver === undefined && backends.some(({ name, isImage }) => isImage && isQuietDrive(name, facts))) return true;
  if (!former) return false;
  const hasDiskWorked = backends.some(({ name }) => {
    const backend = findBackend(counted, name);
    return backend !== undefined && hasGrown(former.completed.get(keyOf(backend)), progress.completed.get(keyOf(backend)));
  });
  return hasDiskWorked || jobs.some(({ jobId }) => hasGrown(former.jobOffsets.get(jobId), progress.jobOffsets.get(jobId)));
}

function isQuietDrive(name: string, facts: CommandLineFacts | undefined): boolean {
  const drivers = facts?.drives.get(name)?.drivers;
  return drivers !== undefined && drivers.every((driver) => QUIET_DRIVERS.has(driver));
}

function hasGrown(former: number | undefined, now: number | undefined): boolean {
  return former !== undefined && now !== undefined && now > former;
}

function keyOf({ drive, qdev }: CountedBackend): string {
  return drive === "" ? (qdev ?? "") : drive;
}

function withDetails(topology: Topology, named: ReadonlyMap<string, NamedNode>): Topology {
  const blockNodes = new Map<string, BlockNodeReading>();
  for (const [name, reading] of topology.blockNodes) {
    const node = named.get(name);
    const top = named.get(reading.disk?.through.at(-1) ?? name);
    const replicating = reading.disk?.through.find((above) => named.get(above)?.drv === "replication");
    blockNodes.set(name, {
      ...reading,
      fileName: node?.file,
      source: (node && parseNbdFileName(node.file)) ?? reading.source,
      // 0 where QEMU did not tell it: it is not asked for again.
      sizeBytes: top?.image?.["virtual-size"] ?? 0,
      isReadOnly: reading.isReadOnly ?? node?.ro,
      ...(replicating === undefined ? {} : { replication: `node ${replicating} replicates through it` }),
    });
  }
  return { ...topology, blockNodes };
}

/** What a former reading knew of nodes that are still the same: a node's file never changes, and this spares asking. */
export function carryDetails(topology: Topology, former: Topology | undefined): Topology {
  if (!former) return topology;
  const blockNodes = new Map<string, BlockNodeReading>();
  for (const [name, reading] of topology.blockNodes) {
    const known = former.blockNodes.get(name);
    const isSame = known?.sizeBytes !== undefined && known.disk?.device === reading.disk?.device;
    blockNodes.set(
      name,
      isSame
        ? {
            ...reading,
            fileName: known.fileName,
            sizeBytes: known.sizeBytes,
            source: known.source ?? reading.source,
            isReadOnly: reading.isReadOnly ?? known.isReadOnly,
            replication: reading.replication ?? known.replication,
          }
        : reading,
    );
  }
  return { ...topology, blockNodes };
}
