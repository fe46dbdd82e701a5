import type { QemuVersion } from "#lib/qapi/greeting";
import { z } from "zod";
import { parseBlockGraph } from "./block-graph.ts";
import type { BlockBackend, BlockGraph, BlockUsers } from "./block-graph.ts";
import { mayCountBlocks, parseCountedBackends } from "./block-stats.ts";
import type { CommandLineNbd } from "./command-line-block.ts";
import type { CommandLineFacts } from "./command-line.ts";
import { listOf } from "./list-of.ts";
import type { QomReader } from "./qom-reader.ts";
import { readDisks } from "./read-disk.ts";
import type { BlockJobUse, BlockNodeReading } from "./topology.ts";

const jobSchema = z.object({ device: z.string(), type: z.string() });
const exportSchema = z.object({ id: z.string().max(4_096), "node-name": z.string().max(4_096) });

/**
 * What stands on each NBD node, without any I/O: the block graph, the backends' devices, jobs and exports, and what the
 * command line says of where the nodes lead.
 * @param wanted names; undefined: every node.
 */
export async function readBlockNodes(
  qom: QomReader,
  wanted: ReadonlySet<string> | undefined,
  { facts, version }: BlockNodesContext,
): Promise<ReadonlyMap<string, BlockNodeReading>> {
  if (wanted?.size === 0) return new Map();
  const graph = parseBlockGraph(await qom.tryAsk("x-debug-query-block-graph"));
  const names = wanted ?? new Set(graph?.nodeNames);
  const users = new Map([...names].map((name) => [name, graph?.usersOf(name)]));
  const jobTypes = await readJobTypes(qom, users);
  const exports = await readExports(qom, users);
  const mayCount = hasBackends(users) && (await mayCountBlocks((command) => qom.tryAsk(command), version));
  const stats = mayCount ? await qom.tryAsk("query-blockstats") : undefined;
  const counted = stats === undefined ? undefined : parseCountedBackends(stats);
  const readings = new Map<string, BlockNodeReading>();
  for (const [name, of] of users) {
    const disks = of ? await readDisks(qom, of.backends, { counted, drives: facts?.drives }) : [];
    const isUserUnread = !mayCount && disks.length < (of?.backends.length ?? 0);
    readings.set(name, {
      ...reading(name, { graph, of, disks, jobTypes, exports, facts }),
      ...(isUserUnread ? { hasUnnamedUser: true } : {}),
    });
  }
  return readings;
}

export interface BlockNodesContext {
  readonly facts: CommandLineFacts | undefined;
  readonly version: QemuVersion | undefined;
}

type UsersByName = ReadonlyMap<string, BlockUsers | undefined>;

interface Found {
  readonly graph: BlockGraph | undefined;
  readonly of: BlockUsers | undefined;
  readonly disks: Awaited<ReturnType<typeof readDisks>>;
  readonly jobTypes: ReadonlyMap<string, string>;
  readonly exports: readonly z.infer<typeof exportSchema>[];
  readonly facts: CommandLineFacts | undefined;
}

function reading(name: string, { graph, of, disks, jobTypes, exports, facts }: Found): BlockNodeReading {
  const [disk, ...more] = disks;
  const jobs = (of?.jobs ?? []).map((job): BlockJobUse => ({ ...job, type: jobTypes.get(job.jobId) }));
  const exportIds = exports.filter((one) => of?.unnamedOn.includes(one["node-name"])).map((one) => one.id);
  const nbd = nbdOf(name, of?.backends ?? [], facts);
  const replication = facts && replicationBy(disk?.through ?? [], facts);
  const hasNode = graph?.nodeNames.includes(name) === true;
  return {
    isGraphRead: hasNode,
    disk,
    ...(more.length > 0 ? { moreDisks: more.map(({ device }) => device) } : {}),
    jobs,
    ...(replication === undefined ? {} : { replication }),
    ...(exportIds.length > 0 ? { exportIds } : {}),
    // A job's own backend has no name either.
    ...((of?.unnamedOn.length ?? 0) > 0 && exportIds.length === 0 && jobs.length === 0 ? { hasUnnamedUser: true } : {}),
    ...(nbd?.source === undefined ? {} : { source: nbd.source }),
    ...(nbd === undefined ? {} : { reconnectDelayMs: nbd.reconnectDelayMs }),
    ...(disk?.isReadOnly === undefined ? {} : { isReadOnly: disk.isReadOnly }),
  };
}

/**
 * Where the command line says that this node leads. A `-drive`'s node has a name that QEMU made up, and is the drive's
 * when it holds the drive's own image; not where the command line gave that drive's image a name of its own.
 */
function nbdOf(name: string, backends: readonly BlockBackend[], facts: CommandLineFacts | undefined): CommandLineNbd | undefined {
  const named = facts?.nbdNodes.get(name);
  if (named || !name.startsWith("#")) return named;
  for (const { name: drive, isImage } of backends) {
    const nbd = isImage ? facts?.drives.get(drive)?.nbd : undefined;
    if (nbd) return nbd;
  }
  return undefined;
}

/** COLO's primary copies its writes through a `replication` node to the NBD server of the secondary. */
function replicationBy(through: readonly string[], { nodeDrivers }: CommandLineFacts): string | undefined {
  const node = through.find((candidate) => nodeDrivers.get(candidate) === "replication");
  return node === undefined ? undefined : `node ${node} replicates through it, by QEMU's command line`;
}

async function readJobTypes(qom: QomReader, users: UsersByName): Promise<Map<string, string>> {
  if (![...users.values()].some((of) => of !== undefined && of.jobs.length > 0)) return new Map();
  const jobs = listOf(await qom.tryAsk("query-block-jobs"), jobSchema);
  return new Map(jobs.map((job) => [job.device, job.type]));
}

async function readExports(qom: QomReader, users: UsersByName): Promise<readonly z.infer<typeof exportSchema>[]> {
  const isWanted = [...users.values()].some((of) => of !== undefined && of.unnamedOn.length > 0);
  return isWanted ? listOf(await qom.tryAsk("query-block-exports"), exportSchema) : [];
}

function hasBackends(users: UsersByName): boolean {
  return [...users.values()].some((of) => of !== undefined && of.backends.length > 0);
}
