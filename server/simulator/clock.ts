/** Time as the simulator sees it; tests hand in their own. */
export interface SimulatorClock {
  /** Unix time in ms, for event timestamps. */
  nowMs(): number;
  /** Monotonic ms, for progress. */
  monoMs(): number;
  /** Calls back once after `afterMs`; the returned function takes that back. */
  schedule(afterMs: number, callback: () => void): () => void;
}

/** The machine's own time. Its timers never keep a process alive by themselves: the listening sockets do. */
export const realClock: SimulatorClock = {
  // Finer than a millisecond, because event timestamps carry microseconds.
  nowMs: () => performance.timeOrigin + performance.now(),
  monoMs: () => performance.now(),
  schedule(afterMs, callback) {
    const timer = setTimeout(callback, afterMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
