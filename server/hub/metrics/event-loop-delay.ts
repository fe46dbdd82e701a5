import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 10;
const NS_PER_S = 1e9;
const QUANTILES = { "0.5": 50, "0.99": 99, "1": 100 } as const;

export type Delays = Record<keyof typeof QUANTILES, number>;

/** How late this process's own event loop is, window by window. Owned by the metrics; `close` ends it. */
export class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #last: Delays | undefined;

  constructor() {
    this.#histogram.enable();
  }

  /** Ends a window and begins the next. */
  roll(): void {
    this.#last = this.#read();
    this.#histogram.reset();
  }

  /** Of the last whole window, in seconds; of the one under way, while there is none. */
  delays(): Delays {
    return this.#last ?? this.#read();
  }

  close(): void {
    this.#histogram.disable();
  }

  #read(): Delays {
    // What Node measures is the time between two looks, which is the resolution where nothing is late.
    const lateS = (percentile: number) => {
      const seconds = this.#histogram.count === 0 ? 0 : this.#histogram.percentile(percentile) / NS_PER_S - RESOLUTION_MS / 1_000;
      return Math.max(0, seconds);
    };
    return { "0.5": lateS(QUANTILES["0.5"]), "0.99": lateS(QUANTILES["0.99"]), "1": lateS(QUANTILES["1"]) };
  }
}
