import { queryOptions } from "@tanstack/react-query";
import type { VmDetail, VmEvent } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import type { ActRecord } from "#lib/yank/act";
import { mergeFetchedActs, mergeFetchedEvents } from "../realtime/apply-server-event.ts";
import { apiGet } from "./api.ts";
import { keys } from "./keys.ts";

/** One VM with everything that is known of it. Kept by the socket while its page is open, and forgotten with the page. */
export function vmQuery(vmId: VmId) {
  return queryOptions({
    queryKey: keys.vm(vmId),
    queryFn: ({ signal }) => apiGet<VmDetail>(`/vms/${encodeURIComponent(vmId)}`, signal),
    staleTime: Infinity,
    // An old state must not greet whoever comes back to this page.
    gcTime: 0,
  });
}

/** Newest first. */
export function vmEventsQuery(vmId: VmId) {
  return queryOptions({
    queryKey: keys.vmEvents(vmId),
    queryFn: async ({ signal }) => (await apiGet<{ events: VmEvent[] }>(`/events?vmId=${encodeURIComponent(vmId)}`, signal)).events,
    structuralSharing: (known, fetched) => mergeFetchedEvents(known as VmEvent[] | undefined, fetched as VmEvent[]),
    staleTime: Infinity,
    gcTime: 0,
  });
}

/** What was done to this VM from here; newest first. */
export function vmActsQuery(vmId: VmId) {
  return queryOptions({
    queryKey: keys.vmActs(vmId),
    queryFn: async ({ signal }) => (await apiGet<{ acts: ActRecord[] }>(`/acts?vmId=${encodeURIComponent(vmId)}`, signal)).acts,
    structuralSharing: (known, fetched) => mergeFetchedActs(known as ActRecord[] | undefined, fetched as ActRecord[]),
    staleTime: Infinity,
    gcTime: 0,
  });
}
