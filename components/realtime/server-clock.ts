/**
 * The hub's clock in the browser. Ages are drawn by the server's time carried on by our own monotonic clock, never by
 * the wall clock of the machine that shows them: that one may be wrong, and may jump.
 */
export interface ServerClock {
  /** Takes a time that the hub has just sent. */
  heard: (serverTimeMs: number) => void;
  /** Unix ms on the hub's clock, now. */
  nowMs: () => number;
}

/** Slow drift is followed; a message that was late on its way does not set the clock back by its delay. */
const TRUSTED_FOR_MS = 60_000;

/** @param monotonicMs a clock that only goes forward, such as `performance.now`. */
export function createServerClock(initialServerTimeMs: number, monotonicMs: () => number): ServerClock {
  let offsetMs = initialServerTimeMs - monotonicMs();
  let takenMonoMs = monotonicMs();
  let isEstimated = true;
  return {
    heard(serverTimeMs) {
      const nowMonoMs = monotonicMs();
      const offered = serverTimeMs - nowMonoMs;
      // A delayed message offers too small an offset; the largest one of the last minute travelled fastest.
      if (isEstimated || offered > offsetMs || nowMonoMs - takenMonoMs > TRUSTED_FOR_MS) {
        offsetMs = offered;
        takenMonoMs = nowMonoMs;
        isEstimated = false;
      }
    },
    nowMs: () => offsetMs + monotonicMs(),
  };
}
