const KEPT = 256;

/**
 * When the bridge itself stood still, on its monotonic clock. Ages of open requests are measured without those spans:
 * whatever QEMU answered meanwhile, nobody was reading.
 */
export class StallLog {
  readonly #stalls: { fromMonoMs: number; untilMonoMs: number }[] = [];

  record(fromMonoMs: number, untilMonoMs: number): void {
    this.#stalls.push({ fromMonoMs, untilMonoMs });
    if (this.#stalls.length > KEPT) this.#stalls.shift();
  }

  /** The time between then and now in which the bridge was looking. */
  watchedMs(sinceMonoMs: number, nowMonoMs: number): number {
    let watchedMs = nowMonoMs - sinceMonoMs;
    for (let index = this.#stalls.length - 1; index >= 0; index--) {
      const stall = this.#stalls[index];
      if (!stall || stall.untilMonoMs <= sinceMonoMs) break;
      watchedMs -= Math.min(stall.untilMonoMs, nowMonoMs) - Math.max(stall.fromMonoMs, sinceMonoMs);
    }
    return Math.max(0, watchedMs);
  }
}
