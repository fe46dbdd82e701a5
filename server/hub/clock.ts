/** Time as the hub sees it; injected, so that no test waits in real time. */
export interface Clock {
  /** Unix milliseconds: what every `…AtMs` of the hub is made of. */
  nowMs(): number;
  /** Milliseconds since some moment, by the clock that nobody sets: for durations. Never leaves the process. */
  monoMs(): number;
  /** Calls back once after `delayMs`. Returns the way to stop it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back every `intervalMs` until stopped. */
  every(intervalMs: number, callback: () => void): () => void;
}

/** The machine's clock. Its timers do not keep the process alive: the listening socket does. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monoMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
  every(intervalMs, callback) {
    const timer = setInterval(callback, intervalMs).unref();
    return () => clearInterval(timer);
  },
};
