import type { Suspicion } from "../diagnosis/suspicion.ts";
import type { HealthKind } from "../health/verdict.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import type { MigrationStatus } from "../qapi/migration.ts";
import type { FarSide, Serves } from "../vm/instance.ts";
import type { VmId } from "../vm/report.ts";

export const ACTIONS = ["yank", "cancel-migration", "pause-postcopy"] as const;
export type Action = (typeof ACTIONS)[number];

/**
 * What becomes of the thing that is cut.
 * - `comes-back`: by itself (a listening console, a reconnecting client).
 * - `stays-down`: until somebody reconnects it; nothing is lost.
 * - `ends`: a migration that has to be started again; the guest goes on.
 * - `one-way`: for ever in this QEMU process (an NBD node answers errors until it is replaced).
 * - `loses-state`: guest state may be lost (postcopy, a yanked destination).
 * - `nothing`: the yank is accepted and does nothing.
 * - `unknown`: not established; treated as the worst.
 */
export const REVERSIBILITIES = ["nothing", "comes-back", "stays-down", "ends", "one-way", "loses-state", "unknown"] as const;
export type Reversibility = (typeof REVERSIBILITIES)[number];

export interface Effect {
  /** One sentence that a tired person understands. Names what is cut. */
  sentence: string;
  /** Details under it. */
  details: string[];
  reversibility: Reversibility;
  /** Set where a name is not enough: what whoever confirms has to say that they know. */
  acknowledge?: string;
}

export interface PlannedInstance {
  instance: KnownYankInstance;
  key: string;
  name: string;
  serves: Serves;
  farSide?: FarSide;
  /** How much spoke for it when the plan was made, and what. */
  suspicion?: Suspicion;
  effect: Effect;
}

/** What a plan depends on; when one of these changes the plan is void. */
export interface Bindings {
  incarnationId: string;
  healthClass: HealthKind;
  instances: { key: string; topologyDigest: string }[];
  migration?: { direction: string; startId: string; status: MigrationStatus };
}

export const VOID_CODES = [
  "vm-gone",
  "incarnation-changed",
  "health-changed",
  "instance-gone",
  "topology-changed",
  "migration-changed",
  "expired",
] as const;
/** Why a plan no longer holds. `text` says what was and what is. */
export interface VoidReason {
  code: (typeof VOID_CODES)[number];
  text: string;
}

export interface PlanTarget {
  vmId: VmId;
  vmName: string;
  host: string;
  /** The exact QMP command that will be sent, without its id. */
  command: Record<string, unknown>;
  lane: "oob" | "in-band";
  /** Empty for actions on the migration as a whole. */
  instances: PlannedInstance[];
  effects: Effect[];
  /** The worst of its effects. */
  reversibility: Reversibility;
  warnings: string[];
  bindings: Bindings;
}

/** Something less final that may help, in the order in which to try it. */
export interface SofterOption {
  code: "wait" | "heal-far-side" | "cancel-migration" | "continue-process" | "reconnect";
  text: string;
  /** Set where Ripcord itself can do it: the plan request to send. */
  action?: Action;
}

/**
 * With `acknowledge` the name is not enough: the sentence is shown beside a box that has to be ticked as well, and the
 * act's request says `acknowledged`.
 */
export type Confirmation = { kind: "click" } | { kind: "type-name"; name: string; acknowledge?: string };

export interface Plan {
  planId: string;
  action: Action;
  /** The dialog's title: "Yank nbd0 on db-prod-07?". */
  title: string;
  /** The button's text: "Yank nbd0". */
  verb: string;
  targets: PlanTarget[];
  softer: SofterOption[];
  confirmation: Confirmation;
  /** The incident from which it was asked for. */
  incidentId?: string;
  createdAtMs: number;
  expiresAtMs: number;
}

/** A plan can be confirmed for this long. */
export const PLAN_LIFETIME_MS = 60_000;
