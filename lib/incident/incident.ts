import type { HealthKind } from "../health/verdict.ts";
import type { VmId } from "../vm/report.ts";

/**
 * One cause and everything that hangs on it. A VM in trouble opens an incident or joins one with the same cause; what
 * flaps adds to a counter and not to a list. All times are Unix ms on the hub's clock.
 */
export const INCIDENT_STATES = [
  /** Some member is in trouble. */
  "open",
  /** No member is, and not for long enough to call it over. */
  "mitigated",
  /** It stayed so, or a person closed it. A member that falls back opens a new incident that names this one. */
  "resolved",
] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

/**
 * What the members have in common.
 * - `far-side`: the same NBD server, peer or path; `key` is `FarSide.key`.
 * - `migration`: the two sides of one migration, or one destination that several migrate to.
 * - `host`: several VMs of one host whose trouble is the host's (process frozen, storage, bridge), and no far side.
 * - `vm`: nothing in common is known; the VM alone.
 */
export const CAUSE_KINDS = ["far-side", "migration", "host", "vm"] as const;
export type CauseKind = (typeof CAUSE_KINDS)[number];

export interface IncidentCause {
  kind: CauseKind;
  key: string;
  /** For people: "NBD server 10.0.4.15:10809, export exp". */
  text: string;
  /** The suspicion against it stands by itself in one member at least; else it is only what they have in common. */
  isEstablished?: boolean;
}

export interface IncidentMember {
  vmId: VmId;
  name: string;
  bridgeId: string;
  host: string;
  /** The verdict now; of a VM that has ended, the last one. */
  kind: HealthKind;
  isInTrouble: boolean;
  /** Its bridge is lost, or nothing valid was read of it lately: `kind` and `isInTrouble` are the last that was known. */
  isNotKnown?: boolean;
  /** The worst verdict it had while a member. */
  worstKind: HealthKind;
  joinedAtMs: number;
  /** Since when its trouble began: of the first one, by the readings and not by when we noticed. */
  sinceAtMs: number;
  /** When it last came out of trouble; absent while it is in it. */
  recoveredAtMs?: number;
  /** How often it fell back after it had recovered. */
  flapCount: number;
  /** The instance that was the first suspect when it joined or later, by `instanceKey`. */
  suspectKey?: string;
  endedAtMs?: number;
  /** It turned out to have another cause, and is a member of that incident since; here it only stands for the record. */
  movedToId?: string;
}

/** "I am on it", with an end, because people forget to say that they are not any more. */
export interface Acknowledgement {
  who: string;
  atMs: number;
  untilMs: number;
}

/** What somebody said, kept with who and when. */
export interface IncidentNote {
  noteId: string;
  atMs: number;
  who: string;
  text: string;
}

export interface Incident {
  incidentId: string;
  /** A small number that people can say aloud; grows, and is never used twice. */
  number: number;
  state: IncidentState;
  cause: IncidentCause;
  /** "17 VMs wait on NBD server 10.0.4.15:10809". */
  title: string;
  openedAtMs: number;
  /** When the trouble began by the readings, which is before we could call it one. */
  beganAtMs: number;
  /** openedAtMs - beganAtMs. */
  detectedAfterMs: number;
  mitigatedAtMs?: number;
  resolvedAtMs?: number;
  resolvedBy?: string;
  /** From the first member's trouble to the moment when no member was in trouble any more; absent while open. */
  recoveredAfterMs?: number;
  members: IncidentMember[];
  memberCount: number;
  troubledCount: number;
  flapCount: number;
  worstKind: HealthKind;
  notes: IncidentNote[];
  /** Who said that they are on it; over when `untilMs` has passed. */
  acknowledgement?: Acknowledgement;
  /** The resolved incident that this one continues. */
  continuesId?: string;
  /** Resolved because its cause turned out to be that one's: everything goes on there. */
  mergedIntoId?: string;
  /** Grows with every change, for browsers that hold an older one. */
  revision: number;
}

/** What lists and banners need; the members are on the page of the incident. */
export type IncidentSummary = Omit<Incident, "members" | "notes"> & { hosts: string[]; noteCount: number };

/** One row of the merged timeline; what kind of row it is says where it came from. */
export interface TimelineEntry {
  atMs: number;
  kind: "verdict" | "event" | "act" | "note" | "incident" | "connection";
  vmId?: VmId;
  vmName?: string;
  /** One line for people, without a full stop. */
  text: string;
  who?: string;
  actId?: string;
  count?: number;
}
