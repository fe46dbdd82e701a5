import type { ClueView } from "../diagnosis/clue.ts";
import type { Help } from "../diagnosis/help.ts";
import type { Suspect, Suspicion } from "../diagnosis/suspicion.ts";
import type { LaneView } from "../health/lane.ts";
import type { HealthKind, Verdict } from "../health/verdict.ts";
import type { RunState } from "../qapi/run-state.ts";
import type { DiskReport } from "../vm/disk.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { ProcessReport } from "../vm/process.ts";
import type { ColoReport, EvidenceLine, Incarnation, Launcher, MigrationReport, VmId } from "../vm/report.ts";
import type { SocketReport } from "../vm/socket.ts";

/** A verdict on the hub's clock. The members of the verdict itself (`kind`, `reason`, …) stand beside the times. */
export type HealthView = Verdict & {
  /** Unix ms; since when this kind of verdict holds. */
  sinceAtMs: number;
  /** Unix ms of the newest valid reading behind it, at the time of the last change. */
  readingAtMs: number;
  /** For `unknown`: the last verdict that was established, for "was … N s ago". */
  was?: { verdict: Verdict; atMs: number };
  mayStillFinish?: string;
};

export type MigrationView = Omit<MigrationReport, "sampleAgeMs" | "stalledAgeMs" | "startedAgeMs"> & {
  sampleAtMs: number;
  stalledSinceAtMs?: number;
  startedAtMs?: number;
};

/** One instance on the hub's clock, and how much speaks for its holding the VM. */
export type InstanceView = Omit<InstanceReport, "clues" | "waitLeftMs" | "sockets"> & {
  clues: ClueView[];
  suspicion: Suspicion;
  waitEndsAtMs?: number;
  sockets?: SocketView[];
};

export type SocketView = Omit<SocketReport, "lastSentAgeMs" | "lastReceivedAgeMs" | "stillAgeMs"> & {
  lastSentAtMs?: number;
  lastReceivedAtMs?: number;
  stillSinceAtMs?: number;
};

export type ProcessView = Omit<ProcessReport, "ageMs"> & { atMs: number };
export type ColoView = Omit<ColoReport, "ageMs"> & { atMs: number };
export type DiskView = Omit<DiskReport, "ageMs" | "stillAgeMs" | "outstandingStillAgeMs"> & {
  atMs: number;
  stillSinceAtMs?: number;
  outstandingSinceAtMs?: number;
};

/** One row of the fleet. All `…AtMs` are Unix ms on the hub's clock. */
export interface VmSummary {
  vmId: VmId;
  name: string;
  bridgeId: string;
  /** The bridge's label; "Host" on the screen. */
  host: string;
  address: string;
  launcher: Launcher;
  isSimulated: boolean;
  /** "7.2.22"; undefined until greeted. */
  qemuVersion?: string;
  hasOob?: boolean;
  runState?: RunState;
  runStateAtMs?: number;
  /** Shown as "was running": the value is old because in-band is overdue or the bridge is lost. */
  runStateIsLastKnown: boolean;
  health: HealthView;
  lanes: { inBand: LaneView; outOfBand: LaneView };
  migration?: MigrationView;
  /** Instances that may be yanked from here. */
  yankableCount: number;
  instanceCount: number;
  /** What to look at first; only of a VM that is in trouble, and only where one instance stands out. */
  suspect?: Suspect;
  /** The open or mitigated incident that it is a member of. */
  incidentId?: string;
  tags: string[];
  /** Where its connections lead, in words and without repetition; at most a few. Absent where none is known. */
  farSides?: string[];
  /** The act under way on this VM, if any: a second one is refused. */
  actInProgress?: { actId: string; who: string; sinceAtMs: number };
  changedAtRevision: number;
  endedAtMs?: number;
  endedReason?: string;
}

/** What the page of one VM shows. */
export interface VmDetail extends VmSummary {
  /** Of the hub that said this; revisions of different epochs cannot be compared. Absent inside messages that carry it themselves. */
  epoch?: string;
  uuid?: string;
  incarnation: Incarnation;
  qemuPackage?: string;
  evidence: EvidenceLine[];
  /** What helps beside or instead of a yank, the first to try first. Empty where nothing is wrong. */
  helps: Help[];
  /** Said where the VM is in trouble and no reading points at any of its connections. */
  suspectsNote?: string;
  process?: ProcessView;
  disks?: DiskView[];
  colo?: ColoView;
  instances: InstanceView[];
  instancesAtMs?: number;
  topologyAtMs?: number;
  notices: string[];
  /** Only while watched: exact round trips and counters. */
  readings?: {
    atMs: number;
    inBandRoundTripMs?: number;
    outOfBandRoundTripMs?: number;
    counters: { eventsSeen: number; repliesDropped: number; lateReplies: number; bytesRead: number; reconnects: number };
  };
}

export interface BridgeView {
  bridgeId: string;
  host: string;
  isSimulated: boolean;
  isConnected: boolean;
  /** Connected, and has not told yet which VMs it has: what is listed of it is from before, or nothing. */
  isSyncing: boolean;
  /** Unix ms of the newest probe of any of its VMs, by the hub's clock. */
  newestProbeAtMs?: number;
  lostSinceAtMs?: number;
  vmCount: number;
  notices: string[];
  /** Why a second bridge or an outdated one was turned away. */
  refused?: { reason: string; atMs: number };
}

/** `GET /api/v1/vms` */
export interface FleetSnapshot {
  epoch: string;
  revision: number;
  serverTimeMs: number;
  bridges: BridgeView[];
  /** How many VMs have each verdict; present where `limit` was asked for, because `vms` may then be fewer. */
  counts?: Partial<Record<HealthKind, number>>;
  vms: VmSummary[];
}

/** `GET /api/v1/events?vmId=`; newest first. */
export interface VmEvent {
  /** Grows over the life of the store; for paging with `before`. */
  eventId: number;
  vmId: VmId;
  incarnationId?: string;
  atMs: number;
  kind: "qmp-event" | "verdict" | "vm-appeared" | "vm-ended" | "incarnation-changed" | "connection" | "dropped";
  /** QMP event name, or a short title. */
  title: string;
  text?: string;
  data?: unknown;
  /** QEMU's own timestamp where it had one. */
  qemuAtMs?: number;
  count: number;
}
