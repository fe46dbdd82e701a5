import { setTimeout as delay } from "node:timers/promises";
import { LabError } from "./lab-error.ts";

const DEFAULT_TIMEOUT_MS = 20_000;
const DEFAULT_INTERVAL_MS = 25;

export interface WaitOptions {
  timeoutMs?: number;
  /** How long to rest between two looks. */
  intervalMs?: number;
  signal?: AbortSignal;
}

/**
 * Looks again and again until `look` returns something, and returns that.
 * @param what completes "Waited N s in vain for …".
 * @throws LabError when the fact did not come in time; whatever `look` throws ends the wait at once.
 */
export async function waitFor<T>(what: string, look: () => Promise<T | undefined> | T | undefined, options: WaitOptions = {}): Promise<T> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, intervalMs = DEFAULT_INTERVAL_MS, signal } = options;
  const deadlineMonoMs = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() >= deadlineMonoMs) throw new LabError(`Waited ${Math.round(timeoutMs / 1000)} s in vain for ${what}`);
    await delay(intervalMs, undefined, { signal });
  }
}

/** Whether `promise` is still open after `afterMs`: how silence is told from an answer. */
export async function staysOpen(promise: Promise<unknown>, afterMs: number): Promise<boolean> {
  const timer = new AbortController();
  const settled = promise.then(
    () => false,
    () => false,
  );
  const silence = delay(afterMs, true, { signal: timer.signal }).catch(() => true);
  try {
    return await Promise.race([settled, silence]);
  } finally {
    timer.abort();
  }
}
