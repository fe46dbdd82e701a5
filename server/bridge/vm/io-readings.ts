import { heldDisks, NO_IO, reduceIo } from "#lib/health/io-progress";
import type { DiskProgress, HeldDisk, IoProgress, IoReading } from "#lib/health/io-progress";
import type { IoStall } from "#lib/health/reduce-health";
import type { DiskReport } from "#lib/vm/disk";
import type { Topology } from "../topology/topology.ts";

/** A reading that is older than this says nothing of now. */
const VALID_FOR_MS = 6_000;
/** Below this a request is under way, and no news. */
const NEWS_AFTER_MS = 3_000;
const MAX_REPORTED = 64;
/** After a disk without virtqueues fell silent, its connection is looked at for this long; what waits there shows by then. */
const LOOK_AT_SOCKETS_FOR_MS = 30_000;

/** What was last read of one disk's virtqueue, kept while nothing can be read any more. */
export interface QueueSight {
  readonly outstandingCount: number;
  readonly stillAgeMs: number | undefined;
  readonly readMonoMs: number;
}

/**
 * One VM's disks over time: what completes, what is outstanding, what stands still. Filled by the session's sampler while
 * the VM is well; the last readings are kept through a hang, because they tell what was under way when it began.
 */
export class IoReadings {
  /** Why virtqueues are not read; undefined where they are. */
  whyNoQueues: string | undefined;
  #state: IoProgress = NO_IO;
  /** Device → whose virtqueues carry its requests, as `QueueStatus.owner`; absent for other kinds of disk. */
  #owners: ReadonlyMap<string, string> = new Map();
  #held: HeldDisk[] = [];
  #news = "";

  get state(): IoProgress {
    return this.#state;
  }

  get held(): readonly HeldDisk[] {
    return this.#held;
  }

  own(owners: ReadonlyMap<string, string>): void {
    this.#owners = owners;
    const kept = new Set(owners.values());
    this.#state = { ...this.#state, queues: this.#state.queues.filter((queue) => kept.has(queue.owner)) };
  }

  /** @returns whether something of it is worth publishing: a disk came, went or first moved, or work began or ceased to stand still. */
  take(reading: IoReading): boolean {
    this.#state = reduceIo(this.#state, reading);
    this.#held = heldDisks(this.#state, (device) => this.#owners.get(device) ?? device);
    const { disks } = this.#state;
    const still = this.#held.filter(({ stillAgeMs }) => stillAgeMs >= NEWS_AFTER_MS);
    const news = `${disks.map((disk) => (this.#movedMonoMs(disk) === undefined ? disk.device : `${disk.device}!`)).join()} ${still.map(({ device }) => device).join()}`;
    const isNews = news !== this.#news;
    this.#news = news;
    return isNews;
  }

  /** The disks whose work stands still now, with the nodes to name them by; undefined where nothing was read just now. */
  stalls(topology: Topology | undefined, nowMonoMs: number): IoStall[] | undefined {
    if (this.#held.length === 0) return undefined;
    return this.#held
      .filter(({ readMonoMs }) => nowMonoMs - readMonoMs < VALID_FOR_MS)
      .map(({ device, nodeName, stillAgeMs, outstandingCount, isShared }) => ({
        device,
        nodes: yankNodesOf(device, topology) ?? [nodeName ?? device],
        stillAgeMs,
        outstandingCount,
        isShared,
      }));
  }

  /** A disk stands still, and only its connection could tell whether anything waits. */
  wantsSockets(topology: Topology | undefined, nowMonoMs: number): boolean {
    if (this.#held.length > 0) return true;
    return this.#state.disks.some(
      (disk) =>
        !this.#owners.has(disk.device) &&
        disk.movedMonoMs !== undefined &&
        disk.countedMonoMs > disk.stillSinceMonoMs &&
        nowMonoMs - disk.movedMonoMs < LOOK_AT_SOCKETS_FOR_MS &&
        yankNodesOf(disk.device, topology) !== undefined,
    );
  }

  /** A disk moved within this long, and one of them has fallen silent since. */
  hasFallenSilent(nowMonoMs: number, withinMs: number): boolean {
    return this.#state.disks.some((disk) => {
      const movedMonoMs = this.#movedMonoMs(disk);
      return movedMonoMs !== undefined && nowMonoMs - movedMonoMs < withinMs && disk.countedMonoMs > movedMonoMs;
    });
  }

  hasMoved(nowMonoMs: number, withinMs: number): boolean {
    return this.#state.disks.some((disk) => nowMonoMs - (this.#movedMonoMs(disk) ?? -Infinity) < withinMs);
  }

  /** A request is in use in a queue, and no disk of it was counted up since the reading before. */
  get hasSuspect(): boolean {
    const { disks, queues } = this.#state;
    return queues.some(
      ({ owner, heldSinceMonoMs }) =>
        heldSinceMonoMs !== undefined &&
        disks.some((disk) => this.#owners.get(disk.device) === owner && disk.countedMonoMs > disk.stillSinceMonoMs),
    );
  }

  /** What the virtqueue of this disk showed last; undefined where none was read. */
  queueSight(device: string): QueueSight | undefined {
    const owner = this.#owners.get(device);
    const queues = owner === undefined ? [] : this.#state.queues.filter((queue) => queue.owner === owner);
    if (queues.length === 0) return undefined;
    const held = this.#held.find((disk) => disk.device === device);
    return {
      outstandingCount: queues.reduce((sum, queue) => sum + queue.inUseCount, 0),
      stillAgeMs: held?.stillAgeMs,
      readMonoMs: Math.max(...queues.map((queue) => queue.readMonoMs)),
    };
  }

  /** When it was last seen to complete something: by its counters, else by its queues. */
  #movedMonoMs(disk: DiskProgress): number | undefined {
    if (disk.completedCount !== undefined) return disk.movedMonoMs;
    const owner = this.#owners.get(disk.device);
    const moved = this.#state.queues.filter((queue) => queue.owner === owner).map((queue) => queue.movedMonoMs ?? -Infinity);
    const newest = Math.max(-Infinity, ...moved);
    return newest === -Infinity ? undefined : newest;
  }

  reports(nowMonoMs: number): DiskReport[] {
    return this.#state.disks.slice(0, MAX_REPORTED).map((disk) => {
      const stillAgeMs = disk.countedMonoMs - disk.stillSinceMonoMs;
      const queue = this.queueSight(disk.device);
      return {
        device: disk.device,
        ...(disk.nodeName === undefined ? {} : { nodeName: disk.nodeName }),
        completedCount: disk.completedCount ?? 0,
        ...(stillAgeMs > 0 && disk.completedCount !== undefined ? { stillAgeMs } : {}),
        wasBusy: this.#movedMonoMs(disk) !== undefined,
        ...(queue === undefined ? {} : { outstandingCount: queue.outstandingCount }),
        ...(queue?.stillAgeMs === undefined ? {} : { outstandingStillAgeMs: queue.stillAgeMs }),
        ageMs: nowMonoMs - Math.max(disk.countedMonoMs, queue?.readMonoMs ?? 0),
      };
    });
  }
}

/** The instances that can be yanked below a disk; undefined where none is known. */
function yankNodesOf(device: string, topology: Topology | undefined): string[] | undefined {
  const nodes: string[] = [];
  for (const [name, reading] of topology?.blockNodes ?? []) if (reading.disk?.device === device) nodes.push(name);
  return nodes.length > 0 ? nodes : undefined;
}
