import type { IncidentSummary } from "#lib/incident/incident";
import type { Log } from "#server/log";
import type { Clock } from "../clock.ts";
import type { Outcome } from "./deliver.ts";
import type { NotifyStore } from "./notify-store.ts";

/** What comes within this time is told together: a dead server takes its VMs down one after the other. */
export const GATHER_MS = 3_000;
export const DELIVER_TIMEOUT_MS = 10_000;

export type OutcomeKind = "delivered" | "failed" | "refused" | "dropped";

export interface TargetOptions {
  store: NotifyStore;
  clock: Clock;
  log: Log;
  random(): number;
  /** Incidents that are not over. */
  active(): IncidentSummary[];
  /** One that may be over. */
  find(incidentId: string): Promise<IncidentSummary | undefined>;
  /** Why Ripcord is not well now; undefined while it is. */
  notWell(): Promise<string | undefined>;
  /** Which Ripcord this is, where several tell the same people. */
  instance: string;
  onOutcome(target: string, outcome: OutcomeKind): void;
}

/** For people who ask whether it works. */
export interface TargetStatus {
  name: string;
  type: "alertmanager" | "webhook";
  queued: number;
  failures: number;
  deliveredAtMs?: number;
  lastError?: { atMs: number; text: string };
}

/** One receiver. It waits for nobody else, and nobody waits for it. */
export interface Target {
  readonly name: string;
  incidentsChanged(incidents: readonly IncidentSummary[]): void;
  /** To be called every second; never throws, and does not wait. */
  tick(): void;
  status(): TargetStatus;
  /** Sends a test message now, past the queue. */
  test(): Promise<Outcome>;
  close(): Promise<void>;
}
