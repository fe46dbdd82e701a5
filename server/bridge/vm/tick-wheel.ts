import type { QmpClock } from "#server/qmp/client";

export const TICK_MS = 25;
const BUCKETS = 512;
/** Beyond this many in one turn the rest waits for the next, so that a burst never becomes a stall of our own. */
const MAX_PER_TURN = 400;

/** Something that wants to be called at times; one appointment at a time. */
export interface Ticking {
  /** The wheel's own mark; starts at 0, which means no appointment. */
  tick: number;
  onDue(nowMonoMs: number): void;
}

/**
 * One timer for all VMs. Nothing is taken out of a bucket: moving an appointment leaves a stale mark that is skipped.
 * Appointments beyond the horizon are looked at once per round. Ends with `close`.
 */
export class TickWheel {
  readonly #clock: QmpClock;
  readonly #beforeTurn: () => void;
  readonly #buckets: Ticking[][] = Array.from({ length: BUCKETS }, () => []);
  #nextTick: number;
  #stop: (() => void) | undefined;

  /** @param beforeTurn called before each turn: the place to notice that we are late. */
  constructor(clock: QmpClock, beforeTurn: () => void = () => {}) {
    this.#clock = clock;
    this.#beforeTurn = beforeTurn;
    this.#nextTick = Math.floor(clock.nowMonoMs() / TICK_MS) + 1;
    this.#arm();
  }

  /** Moves the one appointment of this item. It comes up to one tick late, never early. */
  at(item: Ticking, dueMonoMs: number): void {
    const tick = Math.max(Math.ceil(dueMonoMs / TICK_MS), this.#nextTick);
    if (item.tick === tick) return;
    item.tick = tick;
    this.#buckets[tick % BUCKETS]?.push(item);
  }

  remove(item: Ticking): void {
    item.tick = 0;
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #arm(): void {
    this.#stop = this.#clock.setTimer(() => {
      this.#arm();
      this.#turn();
    }, TICK_MS);
  }

  #turn(): void {
    this.#beforeTurn();
    const nowMonoMs = this.#clock.nowMonoMs();
    const nowTick = Math.floor(nowMonoMs / TICK_MS);
    let called = 0;
    // After a long stall one round over all buckets finds everybody.
    if (nowTick - this.#nextTick >= BUCKETS) this.#nextTick = nowTick - BUCKETS + 1;
    while (this.#nextTick <= nowTick && called < MAX_PER_TURN) {
      const tick = this.#nextTick++;
      const index = tick % BUCKETS;
      const bucket = this.#buckets[index];
      if (!bucket || bucket.length === 0) continue;
      this.#buckets[index] = [];
      for (const item of bucket) {
        if (item.tick === 0) continue;
        if (item.tick > tick) {
          // Of a later round, or a stale mark of one that has moved to another bucket.
          if (item.tick % BUCKETS === index) this.#buckets[index]?.push(item);
          continue;
        }
        item.tick = 0;
        called++;
        item.onDue(nowMonoMs);
      }
    }
  }
}
