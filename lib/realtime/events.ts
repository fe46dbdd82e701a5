import type { BridgeView, VmDetail, VmEvent, VmSummary } from "../api/vm.ts";
import type { IncidentSummary } from "../incident/incident.ts";
import type { VmId } from "../vm/report.ts";
import type { ActRecord } from "../yank/act.ts";

/**
 * The browser's socket: facts down, watch requests up. Snapshots travel by HTTP; no act ever travels here. Path:
 * REALTIME_PATH of lib/link/contract, namespace "/".
 */
export interface FleetDelta {
  epoch: string;
  fromRevision: number;
  toRevision: number;
  changed: VmSummary[];
  removed: VmId[];
}

/** Every TICK_INTERVAL_MS. No tick, or an old bridge age, turns the screen stale. */
export interface Tick {
  epoch: string;
  revision: number;
  serverTimeMs: number;
  bridges: BridgeView[];
  /** Which build of the web app this hub serves; a page of another one is out of date. Absent where it serves none. */
  build?: string;
}

export const TICK_INTERVAL_MS = 2_000;
/** A screen that has not heard a tick for this long says that it is stale. */
export const STALE_AFTER_MS = 6_000;

export interface ServerToClientEvents {
  "fleet:changed": (delta: FleetDelta) => void;
  /** The client is too far behind, or was never in step: fetch the snapshot again. */
  "fleet:outdated": (message: { epoch: string; revision: number }) => void;
  "clock:ticked": (tick: Tick) => void;
  /** Only for watched VMs; always the whole latest state. */
  "vm:changed": (message: { epoch: string; revision: number; vm: VmDetail }) => void;
  /** Only for watched VMs; newest last. */
  "vm:events": (message: { vmId: VmId; events: VmEvent[] }) => void;
  "act:changed": (act: ActRecord) => void;
  /** One opened, changed or ended; its page is fetched by HTTP. */
  "incident:changed": (message: { epoch: string; incident: IncidentSummary }) => void;
}

export interface ClientToServerEvents {
  /** Continues from a snapshot; the answer is a delta that joins on, or "fetch again". */
  "fleet:resume": (
    from: { epoch: string; revision: number },
    ack: (answer: { ok: true; delta: FleetDelta } | { ok: false; code: "fetch-again" }) => void,
  ) => void;
  "vm:watch": (message: { vmId: VmId }, ack: (answer: { ok: boolean }) => void) => void;
  "vm:unwatch": (message: { vmId: VmId }) => void;
}
