import { assertNever } from "#lib/assert-never";
import type { MigrationView, VmSummary } from "#lib/api/vm";
import { isPostcopy } from "#lib/qapi/migration";
import type { HealthKind, SilentReason, UnknownReason, UnreachableReason, Verdict } from "#lib/health/verdict";

/** The verdict without its reason: for chips, counts and columns. */
export const VERDICT_WORD: Record<HealthKind, string> = {
  "main-loop-hung": "Main loop hung",
  silent: "Silent",
  "io-stalled": "I/O stalled",
  "migration-stalled": "Migration stalled",
  "guest-stopped": "Guest stopped",
  unreachable: "Unreachable",
  slow: "Slow",
  unknown: "Unknown",
  "monitor-busy": "Monitor busy",
  healthy: "Healthy",
};

/** Text colour per verdict; the shape and the word always stand beside it. */
export const VERDICT_TEXT_CLASS: Record<HealthKind, string> = {
  "main-loop-hung": "text-hung",
  silent: "text-silent",
  "io-stalled": "text-io",
  "migration-stalled": "text-migration",
  "guest-stopped": "text-stopped",
  unreachable: "text-body",
  slow: "text-migration",
  unknown: "text-muted",
  "monitor-busy": "text-muted",
  healthy: "text-muted",
};

export const VERDICT_BAR_CLASS: Record<HealthKind, string> = {
  "main-loop-hung": "bg-hung",
  silent: "bg-silent",
  "io-stalled": "bg-io",
  "migration-stalled": "bg-migration",
  "guest-stopped": "bg-stopped",
  unreachable: "bg-muted",
  slow: "bg-migration",
  unknown: "bg-muted",
  "monitor-busy": "bg-muted",
  healthy: "bg-muted",
};

const SILENT_WORD: Record<SilentReason, string> = {
  stopped: "process stopped",
  uninterruptible: "waits in the kernel",
  frozen: "cgroup frozen",
  zombie: "process exited",
  "no-oob": "no OOB to tell why",
  unknown: "both lanes quiet",
};

const UNREACHABLE_WORD: Record<UnreachableReason, string> = {
  refused: "connection refused",
  "no-such-socket": "no such socket",
  "not-permitted": "not permitted",
  "not-qmp": "not a QMP monitor",
  "no-greeting": "no greeting",
  "process-gone": "process gone",
  lost: "connection lost",
  "time-out": "timed out",
  "not-ours": "belongs to another tool",
};

const UNKNOWN_WORD: Record<UnknownReason, string> = {
  "not-asked": "not asked yet",
  "bridge-lost": "bridge lost",
  "no-valid-reading": "no valid reading",
  "bridge-stalled": "bridge stood still",
};

const GUEST_STOPPED_WORD: Record<string, string> = {
  "io-error": "I/O error",
  "internal-error": "internal error",
  "guest-panicked": "guest panicked",
  watchdog: "watchdog fired",
};

/** The verdict with its reason, as a row shows it: "Silent: process stopped". A run state nobody knows is shown raw. */
export function verdictTitle(verdict: Verdict): string {
  const reason = reasonWord(verdict);
  return reason === undefined ? VERDICT_WORD[verdict.kind] : `${VERDICT_WORD[verdict.kind]}: ${reason}`;
}

/** One sentence under the verdict: what it means and what helps. */
export function verdictMeaning(verdict: Verdict, vm?: Pick<VmSummary, "yankableCount" | "migration">): string {
  switch (verdict.kind) {
    case "main-loop-hung":
      if (verdict.cord !== "in-reach") return "It hung before Ripcord could negotiate out-of-band: no yank can be sent";
      return vm?.yankableCount === 0
        ? "In-band is silent and out-of-band answers, but there is nothing here that a yank could cut"
        : "In-band is silent and out-of-band answers: a yank can be sent";
    case "silent":
      return silentMeaning(verdict.reason);
    case "io-stalled":
      return `Work is outstanding and nothing completes on ${verdict.nodes.join(", ")}`;
    case "migration-stalled":
      return stalledMigrationMeaning(verdict.migrationStatus, vm?.migration?.channel);
    case "guest-stopped":
      return `QEMU stopped the guest (${verdict.runState}); the process itself answers`;
    case "unreachable":
      return verdict.reason === "process-gone"
        ? "The connection ended without a shutdown: the process crashed or was killed"
        : "The monitor cannot be asked, so nothing is known of the guest";
    case "monitor-busy":
      return verdict.peerPid === undefined
        ? "Another client holds the monitor socket; QEMU serves one at a time"
        : `Process ${verdict.peerPid} holds the monitor socket; QEMU serves one client at a time`;
    case "slow":
      return "In-band answers late; it may still finish by itself";
    case "unknown":
      return unknownMeaning(verdict.reason);
    case "healthy":
      return "Both lanes answer";
    default:
      return assertNever(verdict);
  }
}

/** Cancelling loses the guest in postcopy (QEMU before 10), and waits for the child of an `exec:` migration. */
function stalledMigrationMeaning(status: string, channel: MigrationView["channel"] | undefined): string {
  if (status === "postcopy-paused") return "The postcopy migration is paused: it has to be recovered, and the source never restarted";
  if (isPostcopy(status)) return `The migration is ${status} and moves no bytes: pause it and recover it, never cancel it`;
  const stands = `The migration is ${status} and moves no bytes`;
  if (channel === "exec") return `${stands}: end the process that it was started through, no yank reaches that`;
  return status === "setup" ? `${stands}: cancel it, a yank does not reach it` : `${stands}: cancel first, then yank`;
}

function silentMeaning(reason: SilentReason): string {
  switch (reason) {
    case "stopped":
      return "The process is stopped by a signal or a debugger: nothing to yank, continue the process";
    case "uninterruptible":
      return "The process waits inside the kernel, where no yank reaches it: heal the storage it waits for";
    case "frozen":
      return "Its cgroup is frozen, so that nothing in it runs: nothing to yank, thaw the cgroup";
    case "zombie":
      return "Its process has exited and was not collected: nothing to yank, the VM is over";
    case "no-oob":
      return "This QEMU offers no out-of-band lane, so a hang cannot be told from a frozen process";
    case "unknown":
      return "Neither lane answers: nothing to yank while out-of-band is silent";
    default:
      return assertNever(reason);
  }
}

function unknownMeaning(reason: UnknownReason): string {
  switch (reason) {
    case "not-asked":
      return "No probe has been answered yet";
    case "bridge-lost":
      return "The bridge that watches this VM is not connected";
    case "no-valid-reading":
      return "The bridge has had no valid reading for five seconds";
    case "bridge-stalled":
      return "The bridge's own clock stood still, so its readings do not count";
    default:
      return assertNever(reason);
  }
}

function reasonWord(verdict: Verdict): string | undefined {
  switch (verdict.kind) {
    case "silent":
      return SILENT_WORD[verdict.reason];
    case "unreachable":
      return UNREACHABLE_WORD[verdict.reason];
    case "unknown":
      return UNKNOWN_WORD[verdict.reason];
    case "guest-stopped":
      return GUEST_STOPPED_WORD[verdict.runState] ?? verdict.runState;
    case "main-loop-hung":
    case "monitor-busy":
    case "slow":
    case "migration-stalled":
    case "io-stalled":
    case "healthy":
      return undefined;
    default:
      return assertNever(verdict);
  }
}
