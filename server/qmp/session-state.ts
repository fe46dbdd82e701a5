import { assertNever } from "#lib/assert-never";
import type { QmpError } from "./errors.ts";

/**
 * One connection's life. `connecting` says how far it came: `negotiating` means greeted, `qmp_capabilities` sent and not
 * answered; where that lasts, the main loop hung before we came. `sinceMonoMs` is when this state (this phase) began.
 */
export type QmpState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly phase: QmpConnectPhase; readonly sinceMonoMs: number }
  | { readonly kind: "running"; readonly sinceMonoMs: number }
  | { readonly kind: "disconnecting"; readonly reason: QmpCloseReason }
  | { readonly kind: "closed"; readonly reason: QmpCloseReason };

export type QmpConnectPhase = "dialling" | "awaiting-greeting" | "negotiating";

/** Why a session ended. `lost` before command mode has a `QmpHandshakeError`, after it a `QmpInterruptedError`. */
export interface QmpCloseReason {
  readonly kind:
    | "closed"
    | "refused"
    | "no-such-socket"
    | "not-permitted"
    | "backlog-full"
    | "connect-timeout"
    | "connect-failed"
    | "no-greeting"
    | "not-qmp"
    | "negotiation-refused"
    | "protocol-error"
    | "lost";
  readonly error: QmpError;
}

export type SessionStep =
  | { readonly kind: "dialled" }
  | { readonly kind: "opened" }
  | { readonly kind: "greeted" }
  | { readonly kind: "negotiated" }
  | { readonly kind: "ending"; readonly reason: QmpCloseReason }
  | { readonly kind: "ended" };

/** The only way from state to state. @throws Error on a step that cannot be taken there: a bug of ours, not the peer's. */
export function reduceSession(state: QmpState, step: SessionStep, nowMonoMs: number): QmpState {
  switch (step.kind) {
    case "dialled":
      if (state.kind === "idle") return { kind: "connecting", phase: "dialling", sinceMonoMs: nowMonoMs };
      break;
    case "opened":
      if (isInPhase(state, "dialling")) return { kind: "connecting", phase: "awaiting-greeting", sinceMonoMs: nowMonoMs };
      break;
    case "greeted":
      if (isInPhase(state, "awaiting-greeting")) return { kind: "connecting", phase: "negotiating", sinceMonoMs: nowMonoMs };
      break;
    case "negotiated":
      if (isInPhase(state, "negotiating")) return { kind: "running", sinceMonoMs: nowMonoMs };
      break;
    case "ending":
      if (state.kind === "idle" || state.kind === "connecting" || state.kind === "running") {
        return { kind: "disconnecting", reason: step.reason };
      }
      break;
    case "ended":
      if (state.kind === "disconnecting") return { kind: "closed", reason: state.reason };
      break;
    default:
      return assertNever(step);
  }
  throw new Error(`A session that is ${state.kind} cannot be ${step.kind}`);
}

export function isInPhase(state: QmpState, phase: QmpConnectPhase): boolean {
  return state.kind === "connecting" && state.phase === phase;
}
