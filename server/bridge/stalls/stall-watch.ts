import type { QmpClock } from "#server/qmp/client";

const BEAT_MS = 100;
const STALL_AFTER_MS = 500;
/** How far the machine's uptime may run ahead of the monotonic clock before it is called a suspend. */
const SUSPEND_AFTER_MS = 1_000;
const UPTIME_EVERY_BEATS = 10;

export interface StallWatchOptions {
  clock: QmpClock;
  /** Seconds since boot, suspend included (`/proc/uptime`); undefined where it cannot be read. */
  readUptimeSeconds: () => number | undefined;
  /** Called after the fact; for a suspend both moments are the same, since the monotonic clock stood still too. */
  onStall: (fromMonoMs: number, untilMonoMs: number, cause: "event-loop" | "suspend") => void;
}

/** Notices when this process, or the whole machine, stood still. Ends with `close`. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #stop: (() => void) | undefined;
  #lastBeatMonoMs: number;
  #uptimeLeadMs: number | undefined;
  #beats = 0;
  #worstDelayMs = 0;

  constructor(options: StallWatchOptions) {
    this.#options = options;
    this.#lastBeatMonoMs = options.clock.nowMonoMs();
    this.#uptimeLeadMs = this.#readLead(this.#lastBeatMonoMs);
    this.#arm();
  }

  /** Also called by whoever else notices the time first, so that a stall is on record before anything is judged by it. */
  beat(): void {
    const nowMonoMs = this.#options.clock.nowMonoMs();
    const delayMs = nowMonoMs - this.#lastBeatMonoMs - BEAT_MS;
    if (delayMs > STALL_AFTER_MS) this.#options.onStall(this.#lastBeatMonoMs, nowMonoMs, "event-loop");
    this.#worstDelayMs = Math.max(this.#worstDelayMs, delayMs);
    this.#lastBeatMonoMs = nowMonoMs;
    if (++this.#beats % UPTIME_EVERY_BEATS === 0 || delayMs > STALL_AFTER_MS) this.#checkUptime(nowMonoMs);
  }

  /** How late the latest beat came since this was last asked. */
  takeWorstDelayMs(): number {
    const worstDelayMs = this.#worstDelayMs;
    this.#worstDelayMs = 0;
    return worstDelayMs;
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #arm(): void {
    this.#stop = this.#options.clock.setTimer(() => {
      this.beat();
      this.#arm();
    }, BEAT_MS);
  }

  #checkUptime(nowMonoMs: number): void {
    const leadMs = this.#readLead(nowMonoMs);
    if (leadMs === undefined) return;
    if (this.#uptimeLeadMs !== undefined && leadMs - this.#uptimeLeadMs > SUSPEND_AFTER_MS) {
      this.#options.onStall(nowMonoMs, nowMonoMs, "suspend");
    }
    this.#uptimeLeadMs = leadMs;
  }

  #readLead(nowMonoMs: number): number | undefined {
    const seconds = this.#options.readUptimeSeconds();
    return seconds === undefined ? undefined : seconds * 1_000 - nowMonoMs;
  }
}
