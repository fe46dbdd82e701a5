"use client";
import { QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { createContext, use, useEffect, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import type { VmId } from "#lib/vm/report";
import { createQueryClient } from "../queries/query-client.ts";
import { createServerClock } from "./server-clock.ts";
import type { ServerClock } from "./server-clock.ts";
import { realtime } from "./socket.ts";
import type { ConnectionState } from "./socket.ts";

interface Live {
  clock: ServerClock;
  renderedAtMs: number;
}

const LiveContext = createContext<Live | undefined>(undefined);

/** How often the shared timer looks whether a second has passed on the hub's clock. */
const TIMER_STEP_MS = 100;

/**
 * Holds the query cache, the hub's clock and the one socket for everything inside it.
 * @param renderedAtMs the hub's time when the page was made: pages are rendered in the hub's own process.
 */
export function RealtimeProvider({ renderedAtMs, children }: { renderedAtMs: number; children: ReactNode }) {
  const [queryClient] = useState(createQueryClient);
  const [live] = useState<Live>(() => ({ clock: createServerClock(renderedAtMs, () => performance.now()), renderedAtMs }));
  return (
    <QueryClientProvider client={queryClient}>
      <LiveContext value={live}>
        <SocketStarter />
        {children}
      </LiveContext>
    </QueryClientProvider>
  );
}

function SocketStarter() {
  const queryClient = useQueryClient();
  const { clock } = useLive();
  useEffect(() => {
    realtime(queryClient, clock);
  }, [queryClient, clock]);
  return null;
}

function useLive(): Live {
  const live = use(LiveContext);
  if (!live) throw new Error("Live values are only known inside RealtimeProvider");
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

/** The state of the connection; while the server renders it is what it will be at first. */
export function useConnection(): ConnectionState {
  const queryClient = useQueryClient();
  const { clock, renderedAtMs } = useLive();
  const [serverState] = useState<ConnectionState>(() => ({
    isSocketOpen: false,
    isBrowserOnline: true,
    hasTicked: false,
    heardAtMs: renderedAtMs,
  }));
  return useSyncExternalStore(
    (listener) => realtime(queryClient, clock).subscribe(listener),
    () => realtime(queryClient, clock).getState(),
    () => serverState,
  );
}

/** Watches one VM for as long as the caller is on the screen. */
export function useWatchVm(vmId: VmId): void {
  const queryClient = useQueryClient();
  const { clock } = useLive();
  useEffect(() => realtime(queryClient, clock).watch(vmId), [queryClient, clock, vmId]);
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
