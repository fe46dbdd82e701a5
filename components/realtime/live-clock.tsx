"use client";
import { createContext, use, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import { createServerClock } from "./server-clock.ts";
import type { ServerClock } from "./server-clock.ts";

interface Live {
  clock: ServerClock;
  renderedAtMs: number;
}

const LiveContext = createContext<Live | undefined>(undefined);

/** How often the shared timer looks whether a step has passed on the hub's clock. */
const TIMER_STEP_MS = 100;

/** @param renderedAtMs the hub's time when the page was made; what is heard later corrects it. */
export function LiveProvider({ renderedAtMs, children }: { renderedAtMs: number; children: ReactNode }) {
  const [live] = useState<Live>(() => ({ clock: createServerClock(renderedAtMs, () => performance.now()), renderedAtMs }));
  return <LiveContext value={live}>{children}</LiveContext>;
}

/** The hub's clock as it is carried on in this browser. */
export function useLive(): Live {
  const live = use(LiveContext);
  if (!live) throw new Error("The hub's clock is only known inside LiveProvider");
  return live;
}

/**
 * The hub's time, in steps. Every reader of the same step redraws together and only when it has passed.
 * @param stepMs 1,000 for ages, less where a clock shows tenths.
 */
export function useNow(stepMs = 1_000): number {
  const { clock, renderedAtMs } = useLive();
  return useSyncExternalStore(
    subscribeToTimer,
    () => Math.floor(clock.nowMs() / stepMs) * stepMs,
    () => Math.floor(renderedAtMs / stepMs) * stepMs,
  );
}

/** Whether this moment (Unix ms on the hub's clock) has passed. All who ask learn it in the same draw. */
export function useHasPassed(atMs: number): boolean {
  const { clock, renderedAtMs } = useLive();
  return useSyncExternalStore(
    subscribeToTimer,
    () => clock.nowMs() > atMs,
    () => renderedAtMs > atMs,
  );
}

const timerListeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribeToTimer(listener: () => void): () => void {
  timerListeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of timerListeners) each();
  }, TIMER_STEP_MS);
  return () => {
    timerListeners.delete(listener);
    if (timerListeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
