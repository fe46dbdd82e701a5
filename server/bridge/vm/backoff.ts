const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** Waits that double from 100 ms to 10 s, each by up to half shorter, so that a thousand VMs do not come back at once. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  nextMs(): number {
    const longestMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    return Math.max(FIRST_MS, longestMs * (1 - this.#random() / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}
