import type { Clock } from "#server/hub/clock";

/** Time that stands still until a test moves it; what falls due on the way is called in its order. */
export class ManualClock implements Clock {
  #nowMs: number;
  /** What somebody set the clock on the wall by. */
  #skewMs = 0;
  #timers: { dueMs: number; everyMs?: number; callback: () => void }[] = [];

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs + this.#skewMs;
  }

  monoMs(): number {
    return this.#nowMs;
  }

  /** Somebody sets the clock on the wall; nothing falls due by that. */
  setBy(ms: number): void {
    this.#skewMs += ms;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + delayMs, callback });
  }

  every(everyMs: number, callback: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + everyMs, everyMs, callback });
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.everyMs === undefined) this.#timers = this.#timers.filter((timer) => timer !== next);
      else next.dueMs += next.everyMs;
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number) {
    return this.#timers.filter((timer) => timer.dueMs <= untilMs).toSorted((left, right) => left.dueMs - right.dueMs)[0];
  }

  #add(timer: { dueMs: number; everyMs?: number; callback: () => void }): () => void {
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
}
