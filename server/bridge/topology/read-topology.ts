import { z } from "zod";
import { isKnownYankInstance } from "#lib/qapi/yank";
import type { YankInstance } from "#lib/qapi/yank";
import type { AskInBand, MonitorAddress } from "../vm/ports.ts";
import { parseBlockGraph } from "./block-graph.ts";
import type { BlockGraph } from "./block-graph.ts";
import { parseChardevs } from "./chardev-list.ts";
import { readCommandLineFacts } from "./command-line.ts";
import { isWellKnownMonitor } from "./monitor-names.ts";
import { readDisk } from "./read-disk.ts";
import { readOwners } from "./read-owners.ts";
import type { OwnersReading } from "./read-owners.ts";
import { findOwnChardev } from "./own-chardev.ts";
import { QomReader } from "./qom-reader.ts";
import type { BlockJobUse, BlockNodeReading, ChardevReading, GuestDisk, Topology } from "./topology.ts";

/**
 * Every command that a reading can send. `query-named-block-nodes` and `query-block` can read image metadata and so
 * block on storage that stalls in that moment: they are sent only with `mayQueryBlock`. None of the others does I/O.
 * @see facts sheet 7.1
 */
export const TOPOLOGY_COMMANDS = [
  "query-chardev",
  "qom-list",
  "qom-get",
  "query-tpm",
  "x-debug-query-block-graph",
  "query-block-jobs",
  "query-named-block-nodes",
  "query-block",
] as const;

export interface ReadTopologyOptions {
  /**
   * May `query-named-block-nodes` and `query-block` be sent? Only where the operator's config allows it (`queries.block`)
   * AND this VM is `healthy` now, with an in-band answer in the last second. Without them an NBD node's far side comes
   * from the command line, and a `-drive`'s device from its `drive` property.
   */
  readonly mayQueryBlock: boolean;
  /** `query-yank`'s answer: what is not about one of these is not read. Absent: everything is. */
  readonly instances?: readonly YankInstance[];
  /** Our own monitor, and QEMU's command line: what they prove to be a monitor needs no search for another owner. */
  readonly monitorAddress?: MonitorAddress;
  readonly commandLine?: readonly string[];
}

/** Longest list taken from one answer; a VM can name as many things as it likes. */
const MAX_LIST = 4_096;

/**
 * Reads what stands on each yank instance, in as few in-band round trips as it can: one for a VM with nothing but
 * monitors, about a dozen for a usual one, never more than some 150. An error answer leaves that one thing unread. Works on
 * QEMU 6.0 to 11.1: what a version does not know is an error answer.
 * @throws whatever `ask` rejects with, unless QEMU itself refused the command: the reading stops at once.
 */
export async function readTopology(ask: AskInBand, options: ReadTopologyOptions): Promise<Topology> {
  const qom = new QomReader(ask);
  const chardevs = parseChardevs(await qom.tryAsk("query-chardev"));
  const wanted = wantedInstances(options.instances);
  const owners = await readOwners(qom, searchedChardevs(chardevs, wanted, options));
  if (chardevs) await readAddresses(qom, chardevs, owners);
  const blockNodes = await readBlockNodes(qom, options.mayQueryBlock, wanted?.blockNodes);
  return { chardevs, owners: owners.owners, areMonitorsObjects: owners.areMonitorsObjects, blockNodes };
}

interface Wanted {
  readonly chardevs: ReadonlySet<string>;
  readonly blockNodes: ReadonlySet<string>;
}

function wantedInstances(instances: readonly YankInstance[] | undefined): Wanted | undefined {
  if (!instances) return undefined;
  const wanted = { chardevs: new Set<string>(), blockNodes: new Set<string>() };
  for (const instance of instances) {
    if (!isKnownYankInstance(instance)) continue;
    if (instance.type === "chardev") wanted.chardevs.add(instance.id);
    if (instance.type === "block-node") wanted.blockNodes.add(instance["node-name"]);
  }
  return wanted;
}

/** The chardevs whose owner is worth asking for, as devices name them. */
function searchedChardevs(
  chardevs: ReadonlyMap<string, ChardevReading> | undefined,
  wanted: Wanted | undefined,
  options: ReadTopologyOptions,
): ReadonlySet<string> {
  const candidates = wanted?.chardevs ?? new Set(chardevs?.keys());
  const monitors = new Set(options.commandLine ? readCommandLineFacts(options.commandLine).monitorChardevs : []);
  const own = options.monitorAddress && findOwnChardev(options.monitorAddress, chardevs, options.commandLine);
  if (own !== undefined) monitors.add(own);
  const searched = new Set<string>();
  for (const label of candidates) {
    // Devices name a multiplexer, QEMU's yank the socket below it.
    const mux = label.endsWith("-base") ? label.slice(0, -"-base".length) : undefined;
    const name = mux !== undefined && chardevs?.get(mux)?.isMux ? mux : label;
    if (!isWellKnownMonitor(label) && !monitors.has(name)) searched.add(name);
  }
  return searched;
}

/**
 * A file name changes with the connection: a unix client's is empty up to 9.2, a TCP server's is that of the accepted
 * socket. The object's `addr` is what it was told, and stays.
 */
async function readAddresses(qom: QomReader, chardevs: Map<string, ChardevReading>, owners: OwnersReading): Promise<void> {
  for (const [label, reading] of chardevs) {
    if (reading.isMux || (reading.isServer && reading.address?.startsWith("unix:"))) continue;
    const mux = label.endsWith("-base") ? label.slice(0, -"-base".length) : label;
    if (!owners.owners.has(label) && !owners.owners.has(mux)) continue;
    const address = socketAddressSchema.safeParse(await qom.get(`/chardevs/${label}`, "addr"));
    if (address.success) chardevs.set(label, { ...reading, address: address.data });
  }
}

const socketAddressSchema = z
  .union([
    z.object({ type: z.literal("unix"), path: z.string().max(4_096) }),
    z.object({ type: z.literal("inet"), host: z.string().max(4_096), port: z.string().max(64) }),
  ])
  .transform((address) => (address.type === "unix" ? `unix:${address.path}` : `tcp:${address.host}:${address.port}`));

const namedNodeSchema = z.object({ "node-name": z.string(), file: z.string().max(8_192), ro: z.boolean() });
const queryBlockSchema = z.object({ device: z.string().min(1), qdev: z.string().min(1) });
const blockJobSchema = z.object({ device: z.string(), type: z.string() });

async function readBlockNodes(
  qom: QomReader,
  mayQueryBlock: boolean,
  wanted: ReadonlySet<string> | undefined,
): Promise<ReadonlyMap<string, BlockNodeReading>> {
  if (wanted?.size === 0) return new Map();
  const graph = parseBlockGraph(await qom.tryAsk("x-debug-query-block-graph"));
  const names = wanted ?? new Set(graph?.nodeNames);
  const files = mayQueryBlock && names.size > 0 ? await readNamedNodes(qom) : new Map<string, z.infer<typeof namedNodeSchema>>();
  const jobTypes = await readJobTypes(qom, graph, names);
  const deviceOfDrive = mayQueryBlock ? await readDrives(qom, graph, names) : new Map<string, string>();
  const readings = new Map<string, BlockNodeReading>();
  for (const name of names) {
    const users = graph?.usersOf(name);
    const named = files.get(name);
    const disk: GuestDisk | undefined = users && (await readDisk(qom, users.backends, deviceOfDrive));
    const jobs = (users?.jobs ?? []).map((job): BlockJobUse => ({ ...job, type: jobTypes.get(job.jobId) }));
    readings.set(name, { disk, jobs, fileName: named?.file, isReadOnly: named?.ro });
  }
  return readings;
}

async function readNamedNodes(qom: QomReader): Promise<Map<string, z.infer<typeof namedNodeSchema>>> {
  const nodes = listOf(await qom.tryAsk("query-named-block-nodes", { flat: true }), namedNodeSchema);
  return new Map(nodes.map((node) => [node["node-name"], node]));
}

async function readJobTypes(qom: QomReader, graph: BlockGraph | undefined, names: ReadonlySet<string>): Promise<Map<string, string>> {
  const hasJob = [...names].some((name) => (graph?.usersOf(name).jobs.length ?? 0) > 0);
  if (!hasJob) return new Map();
  const jobs = listOf(await qom.tryAsk("query-block-jobs"), blockJobSchema);
  return new Map(jobs.map((job) => [job.device, job.type]));
}

/** A `-drive`'s backend has the drive's id, not its device's path; `query-block` knows both. */
async function readDrives(qom: QomReader, graph: BlockGraph | undefined, names: ReadonlySet<string>): Promise<Map<string, string>> {
  const hasDrive = [...names].some((name) => graph?.usersOf(name).backends.some((backend) => !backend.name.startsWith("/")));
  if (!hasDrive) return new Map();
  const blocks = listOf(await qom.tryAsk("query-block"), queryBlockSchema);
  return new Map(blocks.map((block) => [block.device, block.qdev]));
}

/** The well-formed elements of an answer; the others are as if they had not been named. */
function listOf<T>(answer: unknown, schema: z.ZodType<T>): T[] {
  if (!Array.isArray(answer)) return [];
  const list: T[] = [];
  for (const element of answer.slice(0, MAX_LIST)) {
    const checked = schema.safeParse(element);
    if (checked.success) list.push(checked.data);
  }
  return list;
}
