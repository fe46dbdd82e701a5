import type { VmCore } from "./vm-core.ts";

const INDEX_WRAPS_AT = 65_536;

/** One virtqueue of a disk, as far as it tells of work. */
export interface QueueIndexes {
  /** Requests that the device took and has not given back. */
  inUse: number;
  lastAvailIndex: number;
  usedIndex: number;
}

/** Reads of one guest disk: counted by the clock while they complete, so that no timer is needed. */
export class DiskActivity {
  readonly #core: VmCore;
  readonly #readsPerSecond: number;
  readonly #queueDepth: number;
  #reads = 0;
  #failed = 0;
  #sinceMonoMs: number | undefined;
  #lastEndedMonoMs: number | undefined;

  constructor(core: VmCore, readsPerSecond: number, queueDepth: number) {
    this.#core = core;
    this.#readsPerSecond = readsPerSecond;
    this.#queueDepth = queueDepth;
  }

  /** Reads complete from now on. */
  run(): void {
    this.#sinceMonoMs ??= this.#core.monoMs();
  }

  pause(): void {
    if (this.#sinceMonoMs === undefined) return;
    this.#reads = this.reads;
    // The last one ended no longer ago than one takes at this speed.
    this.#lastEndedMonoMs = this.#core.monoMs();
    this.#sinceMonoMs = undefined;
  }

  fail(): void {
    this.#failed++;
    this.#lastEndedMonoMs = this.#core.monoMs();
  }

  /** Reads that ended well. */
  get reads(): number {
    const runMs = this.#sinceMonoMs === undefined ? 0 : this.#core.monoMs() - this.#sinceMonoMs;
    return this.#reads + Math.floor((runMs * this.#readsPerSecond) / 1000);
  }

  get failedReads(): number {
    return this.#failed;
  }

  /** Since the last one ended, well or not; nothing where none ever did. It grows in an idle disk as in a hung one. */
  get idleMs(): number | undefined {
    if (this.#sinceMonoMs !== undefined) return this.reads === 0 ? undefined : 0;
    return this.#lastEndedMonoMs === undefined ? undefined : this.#core.monoMs() - this.#lastEndedMonoMs;
  }

  /** @param isStuck whether requests are under way that do not complete. */
  queue(isStuck: boolean): QueueIndexes {
    const ended = this.reads + this.#failed;
    const inUse = isStuck ? this.#queueDepth : 0;
    return { inUse, lastAvailIndex: (ended + inUse) % INDEX_WRAPS_AT, usedIndex: ended % INDEX_WRAPS_AT };
  }
}
