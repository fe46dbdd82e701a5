import type { BridgeView, VmDetail, VmSummary } from "#lib/api/vm";

/** A bridge whose newest probe is older than this no longer tells what is. */
const BRIDGE_STALE_AFTER_MS = 5_000;

/** What is known of the way from the VMs to this screen. Times are Unix ms on the hub's clock. */
export interface LinkState {
  /** When the last tick arrived, or the page was rendered. */
  heardAtMs: number;
  hasTicked: boolean;
  /** No tick for STALE_AFTER_MS. A fact of its own, so that all of the screen turns stale in one draw. */
  isHubSilent: boolean;
  isSocketOpen: boolean;
  /** The hub's time in the last tick or snapshot, against which the bridges' times are read. */
  serverTimeMs: number;
  bridges: BridgeView[];
}

/**
 * - `starting`: just opened, no tick yet, and not for long.
 * - `live`: everything that is shown is of now.
 * - `hub-silent`: no tick for six seconds: nothing on the screen may pass as of now.
 * - `bridges-behind`: the hub is heard, some bridges are not: their VMs are old.
 */
export type Freshness =
  | { kind: "starting" }
  | { kind: "live"; newestReadingAgeMs?: number; heardHosts: number; hosts: number }
  | { kind: "hub-silent"; sinceAtMs: number }
  | { kind: "bridges-behind"; behind: { bridge: BridgeView; sinceAtMs: number | undefined }[]; hosts: number };

export function freshness(link: LinkState, nowMs: number): Freshness {
  if (link.isHubSilent) return { kind: "hub-silent", sinceAtMs: link.heardAtMs };
  if (!link.hasTicked) return { kind: "starting" };
  const behind = link.bridges
    .filter((bridge) => isBridgeBehind(bridge, link.serverTimeMs))
    .map((bridge) => ({ bridge, sinceAtMs: bridge.newestProbeAtMs ?? bridge.lostSinceAtMs }));
  if (behind.length > 0) return { kind: "bridges-behind", behind, hosts: link.bridges.length };
  const newest = newestProbeAtMs(link.bridges);
  return {
    kind: "live",
    newestReadingAgeMs: newest === undefined ? undefined : Math.max(0, nowMs - newest),
    heardHosts: link.bridges.length,
    hosts: link.bridges.length,
  };
}

/** Whether this bridge is lost, or has probed nothing for too long although it has VMs. */
export function isBridgeBehind(bridge: BridgeView, serverTimeMs: number): boolean {
  if (!bridge.isConnected) return true;
  if (bridge.vmCount === 0) return false;
  return bridge.newestProbeAtMs !== undefined && serverTimeMs - bridge.newestProbeAtMs > BRIDGE_STALE_AFTER_MS;
}

/** How one VM may be drawn: as of now, or as it was. */
export interface AsOf {
  /** Up to this moment the values are known; ages and open clocks are counted to here and not further. */
  asOfMs: number;
  /** The values are old: they are drawn as "was … N s ago". */
  isStale: boolean;
  /** The verdict is of now, and what it says is that there are no readings: clocks and run state are the last known. */
  hasOldReadings: boolean;
}

export function asOfFor(vm: Pick<VmSummary, "bridgeId" | "health">, link: LinkState, nowMs: number): AsOf {
  if (link.isHubSilent) return { asOfMs: link.heardAtMs, isStale: true, hasOldReadings: true };
  const bridge = link.bridges.find((candidate) => candidate.bridgeId === vm.bridgeId);
  if (bridge && isBridgeBehind(bridge, link.serverTimeMs)) {
    return { asOfMs: bridge.newestProbeAtMs ?? bridge.lostSinceAtMs ?? link.heardAtMs, isStale: true, hasOldReadings: true };
  }
  // The hub itself says that nothing valid was read: the verdict is "unknown" and is fresh, what was read is not.
  if (vm.health.kind === "unknown" && vm.health.was) return { asOfMs: nowMs, isStale: false, hasOldReadings: true };
  return { asOfMs: nowMs, isStale: false, hasOldReadings: false };
}

/** How a VM is drawn that the hub does not know any more: as it was at the newest moment that is on record of it. */
export function asLastKnown({ health, readings }: Pick<VmDetail, "health" | "readings">): AsOf {
  const asOfMs = Math.max(health.sinceAtMs, health.readingAtMs, readings?.atMs ?? 0);
  return { asOfMs, isStale: true, hasOldReadings: true };
}

/** Of all bridges; undefined while none has probed. */
function newestProbeAtMs(bridges: BridgeView[]): number | undefined {
  const times = bridges.flatMap((bridge) => (bridge.newestProbeAtMs === undefined ? [] : [bridge.newestProbeAtMs]));
  return times.length === 0 ? undefined : Math.max(...times);
}
