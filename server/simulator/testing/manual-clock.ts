import type { SimulatorClock } from "../clock.ts";

/** A clock that only moves when told to. */
export class ManualClock implements SimulatorClock {
  #atMs = 1_000_000;
  #timers: { atMs: number; callback: () => void }[] = [];

  nowMs(): number {
    return this.#atMs;
  }

  monoMs(): number {
    return this.#atMs;
  }

  schedule(afterMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#atMs + afterMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on, calling back in the order of their times, also those that were set on the way. */
  advance(ms: number): void {
    const endMs = this.#atMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= endMs).sort((one, other) => one.atMs - other.atMs)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#atMs = Math.max(this.#atMs, due.atMs);
      due.callback();
    }
    this.#atMs = endMs;
  }
}
