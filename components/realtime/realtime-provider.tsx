"use client";
import { QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import type { VmId } from "#lib/vm/report";
import { createQueryClient } from "../queries/query-client.ts";
import { LiveProvider, useLive } from "./live-clock.tsx";
import { realtime } from "./socket.ts";
import type { ConnectionState } from "./socket.ts";

/**
 * Holds the query cache, the hub's clock and the one socket for everything inside it.
 * @param renderedAtMs the hub's time when the page was made: pages are rendered in the hub's own process.
 */
export function RealtimeProvider({ renderedAtMs, children }: { renderedAtMs: number; children: ReactNode }) {
  const [queryClient] = useState(createQueryClient);
  return (
    <QueryClientProvider client={queryClient}>
      <LiveProvider renderedAtMs={renderedAtMs}>
        <SocketStarter />
        {children}
      </LiveProvider>
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
