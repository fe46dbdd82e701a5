import type { QmpClock } from "./clock.ts";

interface ManualTimer {
  readonly dueMonoMs: number;
  readonly callback: () => void;
}

/** A clock for tests: it stands still until it is told to advance, and fires timers in order on the way. */
export class ManualClock implements QmpClock {
  #nowMonoMs = 1_000;
  readonly #timers = new Set<ManualTimer>();

  nowMonoMs(): number {
    return this.#nowMonoMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { dueMonoMs: this.#nowMonoMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait. */
  get timerCount(): number {
    return this.#timers.size;
  }

  advance(byMs: number): void {
    const untilMonoMs = this.#nowMonoMs + byMs;
    for (let next = this.#next(untilMonoMs); next !== undefined; next = this.#next(untilMonoMs)) {
      this.#timers.delete(next);
      this.#nowMonoMs = Math.max(this.#nowMonoMs, next.dueMonoMs);
      next.callback();
    }
    this.#nowMonoMs = untilMonoMs;
  }

  /** The process itself stood still: time passes at once, and timers fire late. */
  stall(forMs: number): void {
    this.#nowMonoMs += forMs;
    this.advance(0);
  }

  #next(untilMonoMs: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMonoMs <= untilMonoMs && (next === undefined || timer.dueMonoMs < next.dueMonoMs)) next = timer;
    }
    return next;
  }
}
