import type { SimulatorClock } from "./clock.ts";
import type { WireObject } from "./wire-value.ts";

const WINDOW_MS = 1000;

/** Event to the member that tells its streams apart; null: one stream for all. @see QEMU monitor/monitor.c */
const THROTTLED: Readonly<Record<string, string | null>> = {
  RTC_CHANGE: null,
  WATCHDOG: null,
  BALLOON_CHANGE: null,
  QUORUM_REPORT_BAD: "node-name",
  QUORUM_FAILURE: null,
  VSERPORT_CHANGE: "id",
  MEMORY_DEVICE_SIZE_CHANGE: "qom-path",
  HV_BALLOON_STATUS_REPORT: null,
};

interface Window {
  latest: (() => void) | undefined;
  isDue: boolean;
}

/** One event per second and stream: the first at once, then the latest, and none while the main loop cannot run its timer. */
export class EventThrottle {
  readonly #windows = new Map<string, Window>();
  readonly #clock: SimulatorClock;
  readonly #isHeld: () => boolean;

  /** @param isHeld whether the main loop is blocked, so that its timers do not fire. */
  constructor(clock: SimulatorClock, isHeld: () => boolean) {
    this.#clock = clock;
    this.#isHeld = isHeld;
  }

  /** @returns the stream of a throttled event, nothing for one that is not. `BLOCK_IO_ERROR` is one since 9.2. */
  static streamOf(name: string, data: WireObject | undefined, isBlockIoErrorThrottled: boolean): string | undefined {
    const member = name === "BLOCK_IO_ERROR" && isBlockIoErrorThrottled ? "qom-path" : THROTTLED[name];
    if (member === undefined) return undefined;
    return member === null ? name : `${name} ${String(data?.[member] ?? "")}`;
  }

  push(stream: string, send: () => void): void {
    const open = this.#windows.get(stream);
    if (open) open.latest = send;
    else {
      send();
      this.#open(stream);
    }
  }

  /** The main loop runs again: what its timers owe goes out. */
  release(): void {
    for (const [stream, window] of Array.from(this.#windows)) if (window.isDue) this.#fire(stream, window);
  }

  #open(stream: string): void {
    const window: Window = { latest: undefined, isDue: false };
    this.#windows.set(stream, window);
    this.#clock.schedule(WINDOW_MS, () => this.#fire(stream, window));
  }

  #fire(stream: string, window: Window): void {
    if (this.#isHeld()) {
      window.isDue = true;
      return;
    }
    this.#windows.delete(stream);
    if (!window.latest) return;
    window.latest();
    this.#open(stream);
  }
}
