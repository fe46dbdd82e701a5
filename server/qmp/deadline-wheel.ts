import { callGuarded } from "./call-guarded.ts";
import type { QmpClock } from "./clock.ts";

const TICK_MS = 20;
/** A holder is looked at again at least this often, so that a bucket keeps no closed client alive for long. */
const HORIZON_MS = 10_000;

/** Somebody with deadlines. It keeps one appointment at a time, whatever number of deadlines it has. */
export interface DeadlineHolder {
  /** The wheel's own mark; starts at 0, which means no appointment. */
  armedTick: number;
  /** May come earlier than asked for: look what is due, then arm again if anything is left. */
  onDeadline(nowMonoMs: number): void;
}

/**
 * One timer for all the deadlines of all clients. Requests outnumber time-outs by far, so a request arms its client only
 * if it has no earlier appointment, and nothing is ever taken out: a stale mark is skipped when its turn comes. The timer
 * runs only while something is armed.
 */
export class DeadlineWheel {
  readonly #clock: QmpClock;
  readonly #buckets = new Map<number, DeadlineHolder[]>();
  #nextTick = 0;
  #hasGivenTurn = false;
  #stopTimer: (() => void) | undefined;

  constructor(clock: QmpClock) {
    this.#clock = clock;
  }

  /** Calls `holder.onDeadline` at `dueMonoMs` or up to one tick later, unless it has an earlier appointment. */
  arm(holder: DeadlineHolder, dueMonoMs: number): void {
    const nowMonoMs = this.#clock.nowMonoMs();
    const tick = Math.max(Math.ceil(Math.min(dueMonoMs, nowMonoMs + HORIZON_MS) / TICK_MS), this.#nextTick, 1);
    if (holder.armedTick !== 0 && holder.armedTick <= tick) return;
    holder.armedTick = tick;
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) this.#buckets.set(tick, [holder]);
    else bucket.push(holder);
    if (this.#stopTimer !== undefined) return;
    this.#nextTick = Math.min(tick, Math.floor(nowMonoMs / TICK_MS) + 1);
    this.#wait();
  }

  disarm(holder: DeadlineHolder): void {
    holder.armedTick = 0;
  }

  #wait(): void {
    const dueMonoMs = this.#nextTick * TICK_MS;
    this.#stopTimer = this.#clock.setTimer(() => this.#turn(dueMonoMs), Math.max(1, dueMonoMs - this.#clock.nowMonoMs()));
  }

  #turn(dueMonoMs: number): void {
    const nowMonoMs = this.#clock.nowMonoMs();
    const nowTick = Math.floor(nowMonoMs / TICK_MS);
    // We were late ourselves: replies may lie unread in the sockets, and timers run before sockets. Let those have a turn.
    // Once only: a process that is late at every turn must not wait for ever.
    if (nowMonoMs - dueMonoMs > 2 * TICK_MS && !this.#hasGivenTurn) {
      this.#hasGivenTurn = true;
      this.#nextTick = nowTick + 1;
      this.#moveOverdueTo(this.#nextTick);
    } else {
      this.#hasGivenTurn = false;
      // Counted on before firing: a holder that arms again must land in a bucket that is still to come.
      while (this.#nextTick <= nowTick) this.#fire(this.#nextTick++, nowMonoMs);
    }
    if (this.#buckets.size === 0) this.#stopTimer = undefined;
    else this.#wait();
  }

  #fire(tick: number, nowMonoMs: number): void {
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) return;
    this.#buckets.delete(tick);
    for (const holder of bucket) {
      if (holder.armedTick !== tick) continue;
      holder.armedTick = 0;
      callGuarded((at) => holder.onDeadline(at), nowMonoMs);
    }
  }

  #moveOverdueTo(tick: number): void {
    for (const [overdue, bucket] of this.#buckets) {
      if (overdue >= tick) continue;
      this.#buckets.delete(overdue);
      const target = this.#buckets.get(tick) ?? [];
      for (const holder of bucket) {
        if (holder.armedTick !== overdue) continue;
        holder.armedTick = tick;
        target.push(holder);
      }
      if (target.length > 0) this.#buckets.set(tick, target);
    }
  }
}

const wheels = new WeakMap<QmpClock, DeadlineWheel>();

/** The one wheel of a clock: all clients of a process share it. */
export function wheelOf(clock: QmpClock): DeadlineWheel {
  const known = wheels.get(clock);
  if (known !== undefined) return known;
  const wheel = new DeadlineWheel(clock);
  wheels.set(clock, wheel);
  return wheel;
}
