import type { RunState } from "../qapi/run-state.ts";
import type { MigrationStatus } from "../qapi/migration.ts";

/** In order of how badly an operator is needed; the fleet sorts by it. */
export const HEALTH_KINDS = [
  "main-loop-hung",
  "silent",
  "io-stalled",
  "migration-stalled",
  "guest-stopped",
  "unreachable",
  "slow",
  "unknown",
  "monitor-busy",
  "healthy",
] as const;
export type HealthKind = (typeof HEALTH_KINDS)[number];

export type UnknownReason =
  /** No probe has been answered or timed out yet. */
  | "not-asked"
  /** The hub has no live link to the bridge that watches this VM. */
  | "bridge-lost"
  /** The bridge lives but has had no valid reading for five seconds. */
  | "no-valid-reading"
  /** The bridge's own clock stood still, so an age would blame the VM for it. */
  | "bridge-stalled";

export type UnreachableReason =
  | "refused"
  | "no-such-socket"
  | "not-permitted"
  | "not-qmp"
  | "no-greeting"
  /** The connection ended without SHUTDOWN: crashed or killed. */
  | "process-gone"
  /** The connection ended, the process is still there or cannot be looked up. */
  | "lost"
  | "time-out"
  /** The address belongs to libvirt, Proxmox, Incus or a guest agent and `takeOver` was not given. */
  | "not-ours";

export type SilentReason =
  /** Process state T: stopped by a signal or a debugger. */
  | "stopped"
  /** Process state D: waiting inside the kernel, where no signal and no yank reaches it. */
  | "uninterruptible"
  /** Its cgroup, or one above it, is frozen. */
  | "frozen"
  /** Its main thread has exited, and the rest of the process was not collected yet. */
  | "zombie"
  /** The monitor never offered OOB, so a hang of the main loop cannot be told from a frozen process. */
  | "no-oob"
  | "unknown";

/** What is wrong with one VM; the first line of the design's table that matches. Carries no times. */
export type Verdict =
  | { kind: "unknown"; reason: UnknownReason }
  | { kind: "unreachable"; reason: UnreachableReason }
  | { kind: "monitor-busy"; peerPid?: number }
  | { kind: "silent"; reason: SilentReason }
  /** `out-of-reach`: Ripcord connected after the hang began, so OOB was never negotiated and no yank can be sent. */
  | { kind: "main-loop-hung"; cord: "in-reach" | "out-of-reach" }
  | { kind: "slow" }
  | { kind: "migration-stalled"; migrationStatus: MigrationStatus }
  | { kind: "io-stalled"; nodes: string[] }
  | { kind: "guest-stopped"; runState: RunState }
  | { kind: "healthy" };

/** Whether an operator has to do something; `slow`, `unknown` and `monitor-busy` are shown but raise nothing. */
export function isTrouble(kind: HealthKind): boolean {
  switch (kind) {
    case "main-loop-hung":
    case "silent":
    case "io-stalled":
    case "migration-stalled":
    case "guest-stopped":
    case "unreachable":
      return true;
    case "slow":
    case "unknown":
    case "monitor-busy":
    case "healthy":
      return false;
  }
}

/** Sorts the worst first. */
export function severityRank(kind: HealthKind): number {
  return HEALTH_KINDS.indexOf(kind);
}

/** Bindings and voiding treat a healthy and a slow VM as the same: nothing is established against it. */
export function healthClass(kind: HealthKind): HealthKind {
  return kind === "slow" ? "healthy" : kind;
}
