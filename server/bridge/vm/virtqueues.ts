import type { QueueStatus } from "#lib/health/io-progress";
import { QmpCommandError } from "#server/qmp/errors";
import type { CountedDisk } from "./parse-io.ts";
import { diskName, parseQueueStatus } from "./parse-io.ts";
import { isRecord } from "./plain-data.ts";
import type { AskInBand } from "./ports.ts";

const MAX_DEVICES = 64;
const MAX_QUEUES_PER_DEVICE = 64;
const MAX_QUEUES_PER_ROUND = 128;

/** One device whose virtqueues may be read. */
interface QueueOwner {
  readonly path: string;
  readonly firstQueue: number;
  /** One past the last; found out by asking for one too many. */
  endQueue: number | undefined;
}

/** Which virtqueues a VM's disks use. */
export interface VirtqueueMap {
  readonly owners: readonly QueueOwner[];
  /** Disk → path of the owner. */
  readonly ownerOf: ReadonlyMap<string, string>;
  /** Disks that only this map knows: of a VM whose counters may not be read. */
  readonly devices: readonly string[];
}

/**
 * Only QEMU's own virtio disks and controllers: for a vhost device QEMU would have to ask its back end, and asking a
 * vhost-user one for its ring stops the ring. `x-query-virtio` names both kinds alike, so the QOM type decides.
 * A controller's first two queues are for control and events, and hold nothing of a disk.
 */
const FIRST_QUEUE: Readonly<Record<string, number>> = { "virtio-blk-device": 0, "virtio-scsi-device": 2 };

/**
 * Finds the virtqueues of the given disks; of all virtio-blk devices where none are given. No I/O.
 * @returns undefined where this QEMU does not know the commands (before 7.2). @throws whatever else `ask` rejects with
 */
export async function findVirtqueues(ask: AskInBand, disks: readonly CountedDisk[] | undefined): Promise<VirtqueueMap | undefined> {
  const listed = await tryAsk(ask, "x-query-virtio");
  if (!Array.isArray(listed)) return undefined;
  const owners = new Map<string, QueueOwner & { isController: boolean }>();
  for (const element of listed.slice(0, MAX_DEVICES)) {
    if (!isRecord(element) || typeof element["path"] !== "string" || !/blk|scsi/.test(String(element["name"]))) continue;
    const { path } = element;
    const type = await tryAsk(ask, "qom-get", { path, property: "type" });
    const firstQueue = typeof type === "string" ? FIRST_QUEUE[type] : undefined;
    if (firstQueue !== undefined) owners.set(path, { path, firstQueue, endQueue: undefined, isController: firstQueue > 0 });
  }
  const ownerOf = new Map<string, string>();
  const devices: string[] = [];
  if (!disks) {
    for (const { path, isController } of owners.values()) {
      if (isController) continue;
      ownerOf.set(diskName(path), path);
      devices.push(diskName(path));
    }
  }
  const hasController = [...owners.values()].some(({ isController }) => isController);
  for (const { device, qdev } of disks ?? []) {
    if (owners.has(qdev)) ownerOf.set(device, qdev);
    else if (hasController && !qdev.endsWith("/virtio-backend")) {
      const controller = await controllerOf(ask, qdev);
      if (controller !== undefined && owners.has(controller)) ownerOf.set(device, controller);
    }
  }
  const used = new Set(ownerOf.values());
  return { owners: [...owners.values()].filter(({ path }) => used.has(path)), ownerOf, devices };
}

/**
 * Reads every queue of the map once. What was read before `ask` rejected is handed over too: it may be the last word
 * before a hang.
 */
export async function readVirtqueues(ask: AskInBand, map: VirtqueueMap, take: (queues: QueueStatus[]) => void): Promise<void> {
  const queues: QueueStatus[] = [];
  try {
    for (const owner of map.owners) {
      const { path, firstQueue } = owner;
      const endQueue = owner.endQueue ?? firstQueue + MAX_QUEUES_PER_DEVICE;
      for (let index = firstQueue; index < endQueue && queues.length < MAX_QUEUES_PER_ROUND; index++) {
        const status = parseQueueStatus(await tryAsk(ask, "x-query-virtio-queue-status", { path, queue: index }));
        if (!status) {
          owner.endQueue = index;
          break;
        }
        queues.push({ owner: path, index, ...status });
      }
    }
  } finally {
    if (queues.length > 0) take(queues);
  }
}

/** The device above the bus that a SCSI disk sits on. */
async function controllerOf(ask: AskInBand, qdev: string): Promise<string | undefined> {
  const bus = await tryAsk(ask, "qom-get", { path: qdev, property: "parent_bus" });
  return typeof bus === "string" ? bus.slice(0, bus.lastIndexOf("/")) : undefined;
}

async function tryAsk(ask: AskInBand, command: string, args?: Record<string, unknown>): Promise<unknown> {
  try {
    return await ask(command, args);
  } catch (error) {
    if (error instanceof QmpCommandError) return undefined;
    throw error;
  }
}
