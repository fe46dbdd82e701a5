"use client";
import { useQuery } from "@tanstack/react-query";
import type { FleetSnapshot, VmSummary } from "#lib/api/vm";
import { cachedFleet, cachedTick } from "../queries/fleet.ts";
import { asOfFor, freshness } from "./freshness.ts";
import type { AsOf, Freshness, LinkState } from "./freshness.ts";
import { STALE_AFTER_MS } from "#lib/realtime/events";
import { useHasPassed, useNow } from "./live-clock.tsx";
import { useConnection } from "./realtime-provider.tsx";

/** The state of the way from the VMs to this screen. */
export function useLink(): LinkState {
  const connection = useConnection();
  const { data: tick } = useQuery(cachedTick());
  const { data: known } = useQuery({ ...cachedFleet(), select: bridgesOf });
  const newest = tick ?? known;
  const isHubSilent = useHasPassed(connection.heardAtMs + STALE_AFTER_MS);
  return {
    heardAtMs: connection.heardAtMs,
    hasTicked: connection.hasTicked,
    isHubSilent,
    isSocketOpen: connection.isSocketOpen,
    serverTimeMs: newest?.serverTimeMs ?? connection.heardAtMs,
    bridges: newest?.bridges ?? [],
  };
}

/** Whether the hub's last tick told of a newer state of the fleet than the one that is shown. */
export function useIsBehind(fleet: Pick<FleetSnapshot, "epoch" | "revision">): boolean {
  const { data: tick } = useQuery(cachedTick());
  return tick !== undefined && (tick.epoch !== fleet.epoch || tick.revision > fleet.revision);
}

export function useFreshness(): Freshness {
  const link = useLink();
  return freshness(link, useNow(100));
}

/** Up to when the values of this VM are known, and whether that is now. */
export function useAsOf(vm: Pick<VmSummary, "bridgeId" | "health">, stepMs?: number): AsOf {
  const link = useLink();
  return asOfFor(vm, link, useNow(stepMs));
}

/** Up to when anything that the hub says is known: now, or when it was last heard. Ages are counted to here and not further. */
export function useHubAsOf(): { asOfMs: number; isStale: boolean } {
  const link = useLink();
  const now = useNow();
  return link.isHubSilent ? { asOfMs: link.heardAtMs, isStale: true } : { asOfMs: now, isStale: false };
}

/** Why nothing can be sent from this browser now; undefined when it can. */
export function useCannotSend(): string | undefined {
  const connection = useConnection();
  const { isHubSilent } = useLink();
  if (!connection.isBrowserOnline) return "This browser is offline";
  if (isHubSilent) return "The hub is not heard: what you see is old";
  if (connection.hasTicked && !connection.isSocketOpen) return "The connection to the hub is down";
  return undefined;
}

function bridgesOf(fleet: FleetSnapshot) {
  return { serverTimeMs: fleet.serverTimeMs, bridges: fleet.bridges };
}
