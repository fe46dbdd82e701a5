import { LabError } from "./lab-error.ts";

/**
 * What was opened, and how to close it again, newest first. `close()` runs every closer even if one throws, and doing
 * it twice is fine: the second call waits for the first.
 */
export class Closers {
  readonly #closers: (() => Promise<void> | void)[] = [];
  #closing: Promise<void> | undefined;

  /**
   * Registers how to close something. Returns that something, so that it can wrap an expression.
   * @throws LabError when closing has begun: what came too late is closed at once.
   */
  add<T>(opened: T, close: (opened: T) => Promise<void> | void): T {
    if (this.#closing !== undefined) {
      void Promise.resolve(close(opened)).catch(() => {});
      throw new LabError("It was ended while it was still starting");
    }
    this.#closers.push(() => close(opened));
    return opened;
  }

  /** @throws AggregateError with everything that failed, after all closers ran. */
  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  async #run(): Promise<void> {
    const errors: unknown[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "Not everything could be closed");
  }
}

/** Runs `open`; if that throws half way, closes what it had opened so far. */
export async function openOrClose<T>(open: (closers: Closers) => Promise<T>): Promise<T> {
  const closers = new Closers();
  try {
    return await open(closers);
  } catch (error) {
    await closers.close().catch(() => {});
    throw error;
  }
}
