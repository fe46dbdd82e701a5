import { assertNever } from "#lib/assert-never";
import type { UnreachableReason } from "#lib/health/verdict";
import type { QmpCloseReason } from "#server/qmp/client";

/** What a connection that was never greeted means for the VM at its address. */
export type FailedAttempt =
  /** We closed it ourselves. */
  | { kind: "nothing" }
  /** Nothing new: try again later and say nothing. */
  | { kind: "quiet" }
  /** There is no VM here any more. */
  | { kind: "socket-removed" }
  /** So many wait in the listener's queue that the kernel takes no more: somebody is served, or nobody accepts. */
  | { kind: "backlog-full" }
  | { kind: "failed"; reason: UnreachableReason };

/** What was known of the address before the attempt. */
export interface BeforeAttempt {
  isGone: boolean;
  isListed: boolean;
  /** A greeted connection was lost, or its process found gone, and nobody was reached since. */
  isLost: boolean;
}

/** Pure; the caller acts on it. */
export function judgeFailedAttempt(reason: QmpCloseReason["kind"], before: BeforeAttempt): FailedAttempt {
  const isUnseen = before.isGone || !before.isListed;
  switch (reason) {
    case "closed":
      return { kind: "nothing" };
    case "refused":
      // Nobody listens any more where somebody was: with the listener its process is gone.
      return isUnseen ? { kind: "quiet" } : { kind: "failed", reason: before.isLost ? "process-gone" : "refused" };
    case "no-such-socket":
      return isUnseen ? { kind: "quiet" } : { kind: "socket-removed" };
    case "not-permitted":
      return { kind: "failed", reason: "not-permitted" };
    case "not-qmp":
    case "negotiation-refused":
      return { kind: "failed", reason: "not-qmp" };
    case "backlog-full":
      return { kind: "backlog-full" };
    case "connect-timeout":
      return { kind: "failed", reason: "time-out" };
    case "no-greeting":
      return { kind: "failed", reason: "no-greeting" };
    case "connect-failed":
    case "protocol-error":
    case "lost":
      return { kind: "failed", reason: "lost" };
    default:
      return assertNever(reason);
  }
}
