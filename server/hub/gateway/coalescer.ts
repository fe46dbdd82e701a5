import type { Clock } from "../clock.ts";

/** Calls back at once after a quiet moment, and then at most once every `intervalMs` while there is something to say. */
export class Coalescer {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #flush: () => void;
  #isPending = false;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, intervalMs: number, flush: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#flush = flush;
  }

  poke(): void {
    this.#isPending = true;
    if (this.#stopTimer === undefined) this.flush();
  }

  /** Says now what is waiting to be said. */
  flush(): void {
    if (!this.#isPending) return;
    this.#isPending = false;
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.after(this.#intervalMs, () => {
      this.#stopTimer = undefined;
      this.flush();
    });
    this.#flush();
  }

  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#isPending = false;
  }
}
