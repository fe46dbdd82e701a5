import { assertNever } from "../assert-never.ts";
import type { HealthKind } from "../health/verdict.ts";
import type { IncidentCause, IncidentState } from "./incident.ts";

const MAX_NAME = 100;

/** Verdicts as they stand in a sentence. */
export const KIND_WORDS: Record<HealthKind, string> = {
  "main-loop-hung": "main loop hung",
  silent: "silent",
  "io-stalled": "I/O stalled",
  "migration-stalled": "migration stalled",
  "guest-stopped": "guest stopped",
  unreachable: "unreachable",
  slow: "slow",
  unknown: "unknown",
  "monitor-busy": "monitor busy",
  healthy: "healthy",
};

export interface TitleFacts {
  cause: IncidentCause;
  state: IncidentState;
  memberCount: number;
  /** The name of one of them. */
  firstName: string;
  worstKind: HealthKind;
}

/** "17 VMs wait on NBD server 10.0.4.15:10809": what is wrong, in plain words and without a full stop. */
export function titleOf({ cause, state, memberCount, firstName, worstKind }: TitleFacts): string {
  const isOver = state !== "open";
  const isOne = memberCount === 1;
  const who = isOne ? clip(firstName) : `${memberCount} VMs`;
  const verb = (one: string, many: string, past: string) => (isOver ? past : isOne ? one : many);
  const inTrouble = isOver ? `${isOne ? "was" : "were"} in trouble` : "in trouble";
  switch (cause.kind) {
    case "far-side":
      if (cause.isEstablished === true) return `${who} ${verb("waits", "wait", "waited")} on ${cause.text}`;
      // What they share is known; that it holds them is not.
      return `${who} ${inTrouble}, connected to ${cause.text}`;
    case "migration":
      if (cause.isEstablished === true) return `${who} ${verb("is", "are", isOne ? "was" : "were")} held by the ${cause.text}`;
      return `${who} ${inTrouble}, part of the ${cause.text}`;
    case "host":
      return `${who}: ${cause.text}`;
    case "vm":
      return `${who}: ${KIND_WORDS[worstKind]}`;
    default:
      return assertNever(cause.kind);
  }
}

export function clip(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1)}…`;
}
