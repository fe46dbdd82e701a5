import type { BridgeView } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";

/** `syncing`: connected, and its snapshot has not come yet. `quiet`: connected, and nothing was heard for too long. */
type Presence = "absent" | "syncing" | "live" | "quiet";

export interface Bridge {
  bridgeId: string;
  host: string;
  isSimulated: boolean;
  presence: Presence;
  /** What is known of its VMs is not known to be so now, since then. */
  lostSinceAtMs?: number;
  heardAtMs: number;
  newestProbeAtMs?: number;
  notices: string[];
  /** What the hub itself has to say about it. */
  hubNotices: Map<string, string>;
  refused?: BridgeView["refused"];
  vmIds: Set<VmId>;
}

export function newBridge(options: { bridgeId: string; host: string; isSimulated: boolean; nowMs: number; presence: Presence }): Bridge {
  const { bridgeId, host, isSimulated, nowMs, presence } = options;
  return {
    bridgeId,
    host,
    isSimulated,
    presence,
    ...(presence === "absent" ? { lostSinceAtMs: nowMs } : {}),
    heardAtMs: nowMs,
    notices: [],
    hubNotices: new Map(),
    vmIds: new Set(),
  };
}

/** What the screen shows of it. */
export function viewBridge(bridge: Bridge): BridgeView {
  const { bridgeId, host, isSimulated, presence, newestProbeAtMs, lostSinceAtMs, vmIds, hubNotices, notices, refused } = bridge;
  return {
    bridgeId,
    host,
    isSimulated,
    isConnected: presence === "syncing" || presence === "live",
    isSyncing: presence === "syncing",
    newestProbeAtMs,
    lostSinceAtMs,
    vmCount: vmIds.size,
    notices: [...hubNotices.values(), ...notices],
    refused,
  };
}
