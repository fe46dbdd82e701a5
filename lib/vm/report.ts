import type { LaneReport } from "../health/lane.ts";
import type { Verdict } from "../health/verdict.ts";
import type { MigrationStatus } from "../qapi/migration.ts";
import type { RunState } from "../qapi/run-state.ts";
import type { DiskReport } from "./disk.ts";
import type { InstanceReport } from "./instance.ts";
import type { ProcessReport } from "./process.ts";

export type VmId = string;

/** Who holds the VM's other monitors, by the chardev ids seen. */
export type Launcher = "libvirt" | "proxmox" | "incus" | "plain" | "simulated";

/** Which process answers at an address. Another process at the same address is another incarnation. */
export interface Incarnation {
  /** Opaque; equal exactly when it is the same process (or, where that cannot be read, the same connection). */
  id: string;
  pid?: number;
  /** How it was established: process start time, or only the connection. */
  by: "process" | "connection";
}

export interface QemuVersion {
  major: number;
  minor: number;
  micro: number;
  package: string;
}

/** A reading that made the verdict, in words for people and with a stable code. */
export interface EvidenceLine {
  code: string;
  text: string;
}

/** A verdict with its times as durations, as the bridge sends it. */
export interface HealthReport {
  verdict: Verdict;
  sinceAgeMs: number;
  /** Age of the newest valid reading behind it. */
  readingAgeMs: number;
  evidence: EvidenceLine[];
  /** Known slow work that explains it (a job, savevm, a switchover whose bytes still move). */
  mayStillFinish?: string;
}

export interface MigrationReport {
  direction: "outgoing" | "incoming" | "unknown";
  status: MigrationStatus;
  /** Identifies one migration of this incarnation for plan bindings; changes when another one starts. */
  startId: string;
  /** Bytes; absent where QEMU does not tell (setup, failed). The last sample is kept while in-band is overdue. */
  transferredBytes?: number;
  remainingBytes?: number;
  totalBytes?: number;
  bytesPerSecond?: number;
  dirtyBytesPerSecond?: number;
  /** Dirtying faster than sending; never called stalled. */
  isNotConverging?: boolean;
  errorDesc?: string;
  /** The far side or channel kind: `unix:/path`, `tcp:host:port`, `exec:`. */
  uri?: string;
  /** How its bytes travel, by its uri or its sockets; absent where neither tells. QEMU does not say it of an outgoing one. */
  channel?: MigrationChannel;
  /** Since it began, by QEMU's own total time or by the first sight of it. */
  startedAgeMs?: number;
  /** How long the byte counter has stood still; absent while it moves. */
  stalledAgeMs?: number;
  sampleAgeMs: number;
}

export const MIGRATION_CHANNELS = ["tcp", "unix", "vsock", "exec", "file", "fd", "rdma"] as const;
export type MigrationChannel = (typeof MIGRATION_CHANNELS)[number];

/** One side of a COLO pair. @see QEMU qapi/migration.json, query-colo-status and COLO_EXIT */
export interface ColoReport {
  role: "primary" | "secondary";
  /** COLO ended by an error, and nobody has decided yet which side goes on. */
  isFailoverDue: boolean;
  /** QEMU's own word: `none`, `request`, `error`, `processing`. */
  reason?: string;
  ageMs: number;
}

/** Why a VM left the list. */
export interface Ended {
  reason: "shutdown" | "socket-removed" | "replaced";
  ageMs: number;
}

/** Everything the bridge publishes of one VM. Durations are measured at the moment of sending. */
export interface VmReport {
  vmId: VmId;
  /** Canonical path or `host:port` of the monitor. */
  address: string;
  incarnation: Incarnation;
  name: string;
  uuid?: string;
  launcher: Launcher;
  qemuVersion?: QemuVersion;
  /** Undefined until a greeting was read. */
  hasOob?: boolean;
  isSimulated: boolean;
  tags: string[];
  /** While in-band is overdue this is the last known state: `isLastKnown`. */
  runState?: { value: RunState; ageMs: number; isLastKnown: boolean };
  health: HealthReport;
  lanes: { inBand: LaneReport; outOfBand: LaneReport };
  migration?: MigrationReport;
  colo?: ColoReport;
  /** What /proc says of its process; read while it is in trouble. */
  process?: ProcessReport;
  /** The guest's disks, where their counters are read; at most 64. */
  disks?: DiskReport[];
  instances: InstanceReport[];
  /** Age of the newest `query-yank` answer behind `instances`; undefined before the first. */
  instancesAgeMs?: number;
  /** Age of the topology reading behind `serves`, `farSide` and `isMonitor`; undefined before the first. */
  topologyAgeMs?: number;
  /** Things an operator should know of the connection: QEMU below 7.1, queue starved by another client, no /proc. */
  notices: string[];
  ended?: Ended;
}
