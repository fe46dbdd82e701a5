import type { ActProgress, Amendment } from "../yank/act.ts";
import type { Plan, VoidReason } from "../yank/plan.ts";
import type { ActEvidence } from "../link/contract.ts";

/**
 * What the audit holds, one row per fact, never changed. Stored rows outlive this code: add members, never rename or
 * reuse them.
 */
export type AuditEvent =
  /** When a plan was answered. */
  | { type: "plan-made"; plan: Plan }
  /** When a plan was asked for and refused. */
  | { type: "plan-refused"; action: string; vmIds: string[]; code: string; detail: string }
  /** When a confirmed plan is about to be carried out; written before anything is sent. */
  | { type: "act-intended"; actId: string; planId: string; vmId: string; command: unknown; reason?: string; evidence?: ActEvidence }
  /** When a plan was found void as it was confirmed; it stays so. */
  | { type: "plan-voided"; planId: string; void: VoidReason }
  /** When a confirmation was turned away: void, expired, wrong name, busy. */
  | { type: "act-refused"; planId: string; code: string; detail: string }
  /** When the state or verdict of an act became known. */
  | { type: "act-progressed"; actId: string; vmId: string; progress: ActProgress; sentAtMs?: number }
  /** When the same trouble came back within a minute of an act that had ended. */
  | { type: "act-amended"; actId: string; vmId: string; amendment: Amendment }
  /** When somebody wrote a note to an incident, said that they are on it or no longer, or closed it. */
  | { type: "incident-noted"; incidentId: string; noteId: string; text: string }
  | { type: "incident-acknowledged"; incidentId: string; who: string; untilMs: number }
  | { type: "incident-unacknowledged"; incidentId: string }
  | { type: "incident-resolved"; incidentId: string; reason?: string }
  /** When a bridge came, went, or was turned away. */
  | { type: "bridge-connected"; bridgeId: string; epoch: string }
  | { type: "bridge-lost"; bridgeId: string; epoch: string }
  | { type: "bridge-refused"; bridgeId: string; reason: string }
  /** When this hub started or was asked to stop. */
  | { type: "hub-started"; version: string }
  | { type: "hub-stopped" }
  /** What the hub runs with, as it started or was told to read it again; the words hold no secrets. */
  | { type: "config-loaded"; trigger: "start" | "reload"; file?: string; hash: string; changes: string[]; moreChanges?: number }
  | { type: "config-refused"; detail: string }
  /** When a token was made: the one for people, or the one for this host's bridge. */
  | { type: "token-created"; token: "access" | "bridge" }
  /** When rows from before there was a chain got their hashes: up to this one they prove nothing of earlier times. */
  | { type: "audit-chained"; throughSequence: number }
  /** When rows older than `keepDays` were given up: a checkpoint from which the rest verifies. */
  | { type: "audit-pruned"; firstKept: number; chainsFrom: string; dropped: number; keepDays: number }
  /** When there were rows and no `audit-head`. */
  | { type: "audit-head-begun"; throughSequence: number }
  /** When the hub started and found fewer or other rows than it had written. */
  | { type: "audit-cut-off"; lastSequence: number; headSequence: number; headHash: string }
  /** When the access token was used to open a session, or a wrong one was offered. */
  | { type: "session-opened" }
  | { type: "session-refused" };

/** `GET /api/v1/audit`; newest first. */
export interface AuditRow {
  /** Gapless per writer, from 1. */
  sequence: number;
  writer: string;
  atMs: number;
  who: string;
  from?: string;
  /** Of this row, and with it of every row before it. Absent from an older hub. */
  hash?: string;
  event: AuditEvent;
}
