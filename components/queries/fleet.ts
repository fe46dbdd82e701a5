import { queryOptions, skipToken } from "@tanstack/react-query";
import type { FleetSnapshot } from "#lib/api/vm";
import type { Tick } from "#lib/realtime/events";
import { apiGet } from "./api.ts";
import { keys } from "./keys.ts";

/** The whole fleet. Fetched once; after that the socket keeps it, and only a gap fetches it again. */
export function fleetQuery() {
  return queryOptions({
    queryKey: keys.fleet,
    queryFn: ({ signal }) => apiGet<FleetSnapshot>("/vms", signal),
    staleTime: Infinity,
    gcTime: Infinity,
    structuralSharing: (known, fetched) => newerSnapshot(known, fetched),
  });
}

/** The fleet where it is already known; never fetches it. */
export function cachedFleet() {
  return { ...fleetQuery(), enabled: false };
}

/** The newest tick that the socket brought. */
export function cachedTick() {
  return queryOptions<Tick>({ queryKey: keys.tick, queryFn: skipToken, staleTime: Infinity, gcTime: Infinity });
}

/** A snapshot that was overtaken by deltas on its way does not take the screen back. */
function newerSnapshot(known: unknown, fetched: unknown): unknown {
  return isSnapshot(known) && isSnapshot(fetched) && known.epoch === fetched.epoch && known.revision > fetched.revision ? known : fetched;
}

function isSnapshot(value: unknown): value is FleetSnapshot {
  return typeof value === "object" && value !== null && "epoch" in value && "revision" in value;
}
