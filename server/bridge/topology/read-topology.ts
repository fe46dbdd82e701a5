import type { QemuVersion } from "#lib/qapi/greeting";
import { z } from "zod";
import { isKnownYankInstance } from "#lib/qapi/yank";
import type { YankInstance } from "#lib/qapi/yank";
import type { AskInBand, MonitorAddress } from "../vm/ports.ts";
import { parseChardevs } from "./chardev-list.ts";
import type { ChardevOwner } from "./chardev-owner.ts";
import { readCommandLineFacts } from "./command-line.ts";
import { isWellKnownMonitor } from "./monitor-names.ts";
import { readBlockNodes } from "./read-block-nodes.ts";
import { readOwners } from "./read-owners.ts";
import { findOwnChardev } from "./own-chardev.ts";
import { QomReader } from "./qom-reader.ts";
import type { ChardevReading, Topology } from "./topology.ts";

/** Every command that a reading can send. None of them does I/O. @see docs/decisions/0007-when-block-queries-are-sent.md */
export const TOPOLOGY_COMMANDS = [
  "query-chardev",
  "qom-list",
  "qom-get",
  "query-tpm",
  "x-debug-query-block-graph",
  "query-block-jobs",
  "query-block-exports",
  "query-iothreads",
  "query-blockstats",
] as const;

export interface ReadTopologyOptions {
  /** `query-yank`'s answer: what is not about one of these is not read. Absent: everything is. */
  readonly instances?: readonly YankInstance[];
  /** Our own monitor, and QEMU's command line: what they prove to be a monitor needs no search for another owner. */
  readonly monitorAddress?: MonitorAddress;
  readonly commandLine?: readonly string[];
  readonly version?: QemuVersion;
  /** Chardev id → vhost-user netdev, as events told. @see QEMU qapi/net.json, NETDEV_VHOST_USER_CONNECTED */
  readonly netdevChardevs?: ReadonlyMap<string, string>;
}

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
  const { owners: read, areMonitorsObjects } = await readOwners(qom, searchedChardevs(chardevs, wanted, options));
  const owners = new Map(read);
  for (const [chardev, netdev] of options.netdevChardevs ?? []) {
    if (!owners.has(chardev)) owners.set(chardev, { kind: "netdev", id: netdev, type: "vhost-user" });
  }
  if (chardevs) await readAddresses(qom, chardevs, owners);
  const facts = options.commandLine && readCommandLineFacts(options.commandLine);
  const blockNodes = await readBlockNodes(qom, wanted?.blockNodes, { facts, version: options.version });
  return { chardevs, owners, areMonitorsObjects, blockNodes };
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
  const { monitorChardevs, owners } = (options.commandLine && readCommandLineFacts(options.commandLine)) ?? {};
  const monitors = new Set(monitorChardevs);
  const own = options.monitorAddress && findOwnChardev(options.monitorAddress, chardevs, options.commandLine);
  if (own !== undefined) monitors.add(own);
  const searched = new Set<string>();
  for (const label of candidates) {
    // Devices name a multiplexer, QEMU's yank the socket below it.
    const mux = label.endsWith("-base") ? label.slice(0, -"-base".length) : undefined;
    const name = mux !== undefined && chardevs?.get(mux)?.isMux ? mux : label;
    // QOM does not show which netdev has a chardev: without this the search would go through every device for nothing.
    if (owners?.get(name)?.kind === "netdev" || options.netdevChardevs?.has(name)) continue;
    if (!isWellKnownMonitor(label) && !monitors.has(name)) searched.add(name);
  }
  return searched;
}

/**
 * A file name changes with the connection: a unix client's is empty up to 9.2, a TCP server's is that of the accepted
 * socket. The object's `addr` is what it was told, and stays.
 */
async function readAddresses(
  qom: QomReader,
  chardevs: Map<string, ChardevReading>,
  owners: ReadonlyMap<string, ChardevOwner>,
): Promise<void> {
  for (const [label, reading] of chardevs) {
    if (reading.isMux || (reading.isServer && reading.address?.startsWith("unix:"))) continue;
    const mux = label.endsWith("-base") ? label.slice(0, -"-base".length) : label;
    if (!owners.has(label) && !owners.has(mux)) continue;
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
