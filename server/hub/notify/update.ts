import { severityRank } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";
import type { IncidentState, IncidentSummary } from "#lib/incident/incident";

export const UPDATE_KINDS = ["opened", "worsened", "acknowledged", "mitigated", "resolved"] as const;
export type UpdateKind = (typeof UPDATE_KINDS)[number];

/** What one receiver was told of one incident last. */
export interface Told {
  state: IncidentState;
  worstKind: HealthKind;
  troubledCount: number;
  acknowledgedAtMs?: number;
}

export function toldOf({ state, worstKind, troubledCount, acknowledgement }: IncidentSummary): Told {
  return { state, worstKind, troubledCount, ...(acknowledgement === undefined ? {} : { acknowledgedAtMs: acknowledgement.atMs }) };
}

/**
 * What there is to tell somebody who was told `told` last, if anything. An incident that passes before anybody was told of
 * it opens no thread. That more VMs fall into it is told each time their number has doubled: 200 of them are eight updates
 * at most, and not 200.
 */
export function updateOf(told: Told | undefined, incident: IncidentSummary): UpdateKind | undefined {
  if (told === undefined) return incident.state === "open" ? "opened" : undefined;
  if (told.state === "resolved") return undefined;
  if (incident.state === "resolved") return "resolved";
  if (incident.state === "mitigated") return told.state === "open" ? "mitigated" : undefined;
  const isWorse =
    told.state === "mitigated" ||
    severityRank(incident.worstKind) < severityRank(told.worstKind) ||
    incident.troubledCount >= Math.max(1, told.troubledCount) * 2;
  if (isWorse) return "worsened";
  const { acknowledgement } = incident;
  return acknowledgement !== undefined && acknowledgement.atMs !== told.acknowledgedAtMs ? "acknowledged" : undefined;
}
