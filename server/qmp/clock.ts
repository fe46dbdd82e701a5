/** Time as the client sees it; injected, so that no test waits in real time. */
export interface QmpClock {
  /** Monotonic milliseconds with fractions. Only differences mean anything, and only within this process. */
  nowMonoMs(): number;
  /** Calls back once, at or after `delayMs`. Returns the way to stop it. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The process's own monotonic clock. Its timers do not keep the process alive: sockets do. */
export const systemClock: QmpClock = {
  nowMonoMs: () => performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
