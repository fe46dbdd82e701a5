import { assertNever } from "../assert-never.ts";

/**
 * What two kinds of readings say of a VM's disks over time. QEMU counts what was completed and has no counter of what is
 * under way; a counter that stands still looks the same for an idle disk and for a dead one. So a disk is held only where
 * a virtqueue shows requests in use that do not complete. Pure; times are on one monotonic clock.
 * @see QEMU qapi/block-core.json, BlockDeviceStats; qapi/virtio.json, VirtQueueStatus
 */

/** A disk that moved within this long before a request began to wait is the likelier owner of it on a shared queue. */
const RECENTLY_MOVED_MS = 60_000;

export interface DiskCount {
  /** Device id, or QOM path. */
  readonly device: string;
  /** The node at the device. */
  readonly nodeName?: string;
  /** Requests that ended, well or not; undefined where the counters may not be read. */
  readonly completedCount?: number;
}

export interface QueueStatus {
  /** The device whose virtqueue it is: a disk, or a controller with several disks. */
  readonly owner: string;
  readonly index: number;
  readonly inUseCount: number;
  readonly usedIndex: number;
}

export interface DiskProgress extends DiskCount {
  readonly countedMonoMs: number;
  /** Of the first reading with the present count. */
  readonly stillSinceMonoMs: number;
  /** Of the newest reading with another count than the one before it. */
  readonly movedMonoMs?: number;
}

export interface QueueProgress extends QueueStatus {
  readonly readMonoMs: number;
  /** Of the first reading with the present used index. */
  readonly usedSinceMonoMs: number;
  /** Of the newest reading with another used index than the one before it. */
  readonly movedMonoMs?: number;
  /** Of the first reading since which there were always requests in use and none was completed. */
  readonly heldSinceMonoMs?: number;
}

export interface IoProgress {
  readonly disks: readonly DiskProgress[];
  readonly queues: readonly QueueProgress[];
}

export type IoReading =
  | { readonly type: "counted"; readonly atMonoMs: number; readonly disks: readonly DiskCount[] }
  /** Every queue that was read; owners of none of them are kept as they were. */
  | { readonly type: "queues-read"; readonly atMonoMs: number; readonly queues: readonly QueueStatus[] }
  /** Nobody looked for this long. */
  | { readonly type: "bridge-stalled"; readonly forMs: number }
  /** The guest stood still, or so did QEMU: what is in use now did not begin to wait before now. */
  | { readonly type: "interrupted"; readonly atMonoMs: number };

/** One disk with work outstanding that does not complete. */
export interface HeldDisk {
  readonly device: string;
  readonly nodeName?: string;
  readonly outstandingCount: number;
  /** How long none of it has completed, over at least two readings. */
  readonly stillAgeMs: number;
  /** Of the newest reading. */
  readonly readMonoMs: number;
  /** Others on the same controller, which has one queue for all: the request may be theirs. */
  readonly isShared: boolean;
}

export const NO_IO: IoProgress = { disks: [], queues: [] };

export function reduceIo(state: IoProgress, reading: IoReading): IoProgress {
  switch (reading.type) {
    case "counted": {
      const known = new Map(state.disks.map((disk) => [disk.device, disk]));
      return { ...state, disks: reading.disks.map((disk) => count(known.get(disk.device), disk, reading.atMonoMs)) };
    }
    case "queues-read": {
      const known = new Map(state.queues.map((queue) => [`${queue.owner} ${queue.index}`, queue]));
      for (const queue of reading.queues) {
        const key = `${queue.owner} ${queue.index}`;
        known.set(key, advance(known.get(key), queue, reading.atMonoMs));
      }
      return { ...state, queues: [...known.values()] };
    }
    case "bridge-stalled":
      return {
        disks: state.disks.map((disk) => ({ ...disk, stillSinceMonoMs: disk.stillSinceMonoMs + reading.forMs })),
        queues: state.queues.map((queue) => ({
          ...queue,
          ...(queue.heldSinceMonoMs === undefined ? {} : { heldSinceMonoMs: queue.heldSinceMonoMs + reading.forMs }),
        })),
      };
    case "interrupted":
      return {
        disks: state.disks.map((disk) => ({ ...disk, stillSinceMonoMs: reading.atMonoMs })),
        queues: state.queues.map(({ heldSinceMonoMs: _former, ...queue }) => queue),
      };
    default:
      return assertNever(reading);
  }
}

/**
 * The disks whose outstanding work does not complete; an idle disk is never among them.
 * @param ownerOf whose virtqueues carry a disk's requests: its own, or its controller's.
 */
export function heldDisks(state: IoProgress, ownerOf: (device: string) => string): HeldDisk[] {
  const held = new Map<string, HeldDisk>();
  for (const queue of state.queues) {
    const { heldSinceMonoMs } = queue;
    if (heldSinceMonoMs === undefined || queue.readMonoMs <= heldSinceMonoMs) continue;
    const candidates = likeliest(
      state.disks.filter((disk) => ownerOf(disk.device) === queue.owner && hasStood(disk, queue, state.queues)),
      heldSinceMonoMs,
    );
    for (const disk of candidates) {
      const stillAgeMs = stillFor(disk, queue.readMonoMs, heldSinceMonoMs);
      if (stillAgeMs <= 0) continue;
      const other = held.get(disk.device);
      held.set(disk.device, {
        device: disk.device,
        nodeName: disk.nodeName,
        outstandingCount: queue.inUseCount + (other?.outstandingCount ?? 0),
        stillAgeMs: Math.max(stillAgeMs, other?.stillAgeMs ?? 0),
        readMonoMs: Math.max(queue.readMonoMs, other?.readMonoMs ?? 0),
        isShared: candidates.length > 1,
      });
    }
  }
  return [...held.values()];
}

/** Measured between readings, so that a pause in reading never looks like a pause of the disk. */
function stillFor(disk: DiskProgress, readMonoMs: number, heldSinceMonoMs: number): number {
  if (disk.completedCount === undefined) return readMonoMs - heldSinceMonoMs;
  return Math.min(readMonoMs, disk.countedMonoMs) - Math.max(heldSinceMonoMs, disk.stillSinceMonoMs);
}

function count(former: DiskProgress | undefined, disk: DiskCount, atMonoMs: number): DiskProgress {
  if (former === undefined) return { ...disk, countedMonoMs: atMonoMs, stillSinceMonoMs: atMonoMs };
  const { movedMonoMs, stillSinceMonoMs } = former;
  const hasMoved = disk.completedCount !== former.completedCount;
  return {
    ...disk,
    countedMonoMs: atMonoMs,
    stillSinceMonoMs: hasMoved ? atMonoMs : stillSinceMonoMs,
    movedMonoMs: hasMoved && former.completedCount !== undefined ? atMonoMs : movedMonoMs,
  };
}

function advance(former: QueueProgress | undefined, queue: QueueStatus, atMonoMs: number): QueueProgress {
  const isSame = former !== undefined && former.usedIndex === queue.usedIndex;
  const heldSinceMonoMs = queue.inUseCount === 0 ? undefined : ((isSame ? former.heldSinceMonoMs : undefined) ?? atMonoMs);
  return {
    ...queue,
    readMonoMs: atMonoMs,
    usedSinceMonoMs: isSame ? former.usedSinceMonoMs : atMonoMs,
    movedMonoMs: former === undefined || isSame ? former?.movedMonoMs : atMonoMs,
    ...(heldSinceMonoMs === undefined ? {} : { heldSinceMonoMs }),
  };
}

/** Nothing of this disk was completed while the queue was held: by its counters, or else by every queue of its owner. */
function hasStood(disk: DiskProgress, held: QueueProgress, queues: readonly QueueProgress[]): boolean {
  if (disk.completedCount !== undefined) return disk.stillSinceMonoMs < held.readMonoMs && disk.countedMonoMs > disk.stillSinceMonoMs;
  return queues.every((queue) => queue.owner !== held.owner || queue.usedSinceMonoMs <= (held.heldSinceMonoMs ?? 0));
}

/** A controller's queue does not say whose request it holds; what moved right before it was held tells them apart. */
function likeliest(disks: DiskProgress[], heldSinceMonoMs: number): DiskProgress[] {
  if (disks.length < 2) return disks;
  const recent = disks.filter(({ movedMonoMs }) => movedMonoMs !== undefined && movedMonoMs >= heldSinceMonoMs - RECENTLY_MOVED_MS);
  if (recent.length > 0) return recent;
  const busy = disks.filter(({ movedMonoMs }) => movedMonoMs !== undefined);
  return busy.length > 0 ? busy : disks;
}
