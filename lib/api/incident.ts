import type { Clue } from "../diagnosis/clue.ts";
import type { Incident, IncidentSummary, TimelineEntry } from "../incident/incident.ts";
import type { ActRecord } from "../yank/act.ts";
import type { KnownYankInstance } from "../qapi/yank-instance.ts";
import type { SuspicionScore } from "../diagnosis/suspicion.ts";

/** `GET /api/v1/incidents?state=`; newest first, open ones before others. */
export interface IncidentList {
  serverTimeMs: number;
  incidents: IncidentSummary[];
  /** Where the next page is; absent on the last one. */
  next?: string;
}

/** What can be done about one member from here: the plan's targets are made of these. */
export interface MemberCord {
  vmId: string;
  /** What a plan would name: the suspects that may be yanked. Empty where nothing can be. */
  instances: { instance: KnownYankInstance; key: string; name: string; score: SuspicionScore; reason: string }[];
  /** Why nothing can be planned for it, and what helps instead; present exactly where `instances` is empty. */
  whyNot?: string;
}

/** `GET /api/v1/incidents/{id}` */
export interface IncidentDetail extends Incident {
  epoch: string;
  serverTimeMs: number;
  cords: MemberCord[];
  /** Oldest first; at most the newest 2,000. */
  timeline: TimelineEntry[];
  timelineIsCut: boolean;
  acts: ActRecord[];
}

/** `GET /api/v1/acts/{actId}/evidence`: what was stored with the act before it. */
export interface ActEvidenceView {
  actId: string;
  targets: { vmId: string; vmName: string; recordedAtMs: number; evidence: unknown; clues: (Clue & { key: string })[] }[];
}
