import type { HealthKind } from "../health/verdict.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import type { VmId } from "../vm/report.ts";
import type { Action } from "./plan.ts";

/**
 * What became of the command itself.
 * `intended` is in the record and not yet sent; `unknown` means nobody can tell whether QEMU got it: it is never sent
 * again. `skipped` is a target of several whose turn came after its bindings changed or after a stop.
 */
export const ACT_STATES = ["intended", "sent", "accepted", "refused", "not-sent", "unknown", "skipped"] as const;
export type ActState = (typeof ACT_STATES)[number];

/** What it did, as far as probes show within ten seconds. An accepted yank alone is never `recovered`. */
export const ACT_VERDICTS = [
  "pending",
  "recovered",
  "took-effect",
  "no-visible-effect",
  "rehung",
  "worse",
  "connection-lost",
  "unknown",
  "none",
] as const;
export type ActVerdict = (typeof ACT_VERDICTS)[number];

/** Probing after an act goes on for this long. */
export const VERIFY_FOR_MS = 10_000;

/** What came back, where the verdict is `recovered`. */
export const RECOVERED_PARTS = ["main-loop", "io", "migration", "guest", "process-ended"] as const;
export type RecoveredPart = (typeof RECOVERED_PARTS)[number];

/** What a person does next in this very case. Ripcord runs none of it. */
export interface NextStep {
  /** One sentence, without a full stop. */
  text: string;
  /** Ready to copy, one command a line; what came from a VM is quoted. */
  commands?: string[];
}

/** Something that became known of a target after its verdict was final: a new row, never a changed one. */
export interface Amendment {
  atMs: number;
  verdict: "rehung";
  /** "hung again 23 s after the yank: ser0 reconnected to the same peer". */
  text: string;
}

/** Progress of one target, as the bridge reports it; durations count from the moment the command was written. */
export interface ActProgress {
  state: ActState;
  verdict: ActVerdict;
  /** Why it is refused, not sent, skipped, unknown or worse; for people. */
  detail?: string;
  qmpError?: { class: string; desc: string };
  replyAfterMs?: number;
  recoveredAfterMs?: number;
  recoveredParts?: RecoveredPart[];
  /** Foretold after-effects that were seen (an io-error pause), in words. */
  aftermath: string[];
  /** Nothing more will be reported. */
  isFinal: boolean;
}

export interface ActTarget extends ActProgress {
  vmId: VmId;
  vmName: string;
  host: string;
  bridgeId: string;
  /** The verdict that the plan was bound to; absent in records of earlier versions. */
  healthBefore?: HealthKind;
  instances: KnownYankInstance[];
  command: Record<string, unknown>;
  lane: "oob" | "in-band";
  sentAtMs?: number;
  /** What now; set with the verdict. */
  nextSteps?: NextStep[];
  /** Added within REHANG_WATCH_MS of the act. */
  amendments?: Amendment[];
}

/** For this long after an act the same trouble on the same VM amends the act instead of being news of its own. */
export const REHANG_WATCH_MS = 60_000;

export interface ActRecord {
  actId: string;
  planId: string;
  action: Action;
  /** Who confirmed it; until there are users "local operator" with the client's address. */
  who: string;
  reason?: string;
  createdAtMs: number;
  /** The incident it was begun from, where it was. */
  incidentId?: string;
  targets: ActTarget[];
}

/** Whether the desk still works on it, so that a second act on the same VM is refused. */
export function isActOpen(progress: Pick<ActProgress, "isFinal">): boolean {
  return !progress.isFinal;
}
