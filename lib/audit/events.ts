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
  event: AuditEvent;
}
