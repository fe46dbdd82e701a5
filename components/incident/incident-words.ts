import { severityRank } from "#lib/health/verdict";
import type { Incident, IncidentState, IncidentSummary, TimelineEntry } from "#lib/incident/incident";
import { formatAgeInWords, formatCount, formatUtc } from "../ui/format.ts";

export const STATE_WORD: Record<IncidentState, string> = { open: "Open", mitigated: "Mitigated", resolved: "Resolved" };

/** What the state means, for whoever comes to it. */
export const STATE_MEANING: Record<IncidentState, string> = {
  open: "some of its VMs are in trouble",
  mitigated: "none of its VMs is in trouble, and not for long enough to call it over",
  resolved: "over; a VM that falls back opens a new one that names this one",
};

/** "12 of 17 VMs in trouble"; once none is, how many it was. */
export function membersWords({
  troubledCount,
  memberCount,
  state,
}: Pick<IncidentSummary, "troubledCount" | "memberCount" | "state">): string {
  if (state === "open") {
    return troubledCount === memberCount
      ? `${formatCount(memberCount, "VM")} in trouble`
      : `${troubledCount} of ${formatCount(memberCount, "VM")} in trouble`;
  }
  return `${formatCount(memberCount, "VM")}, none in trouble`;
}

/** How long it lasted, or lasts. */
export function lastedWords(
  { recoveredAfterMs, beganAtMs }: Pick<IncidentSummary, "recoveredAfterMs" | "beganAtMs">,
  asOfMs: number,
): string {
  return recoveredAfterMs === undefined ? `for ${formatAgeInWords(asOfMs - beganAtMs)}` : `lasted ${formatAgeInWords(recoveredAfterMs)}`;
}

export const TIMELINE_KINDS = [
  "verdict",
  "event",
  "act",
  "note",
  "incident",
  "connection",
] as const satisfies readonly TimelineEntry["kind"][];

export const TIMELINE_WORD: Record<TimelineEntry["kind"], string> = {
  verdict: "Verdicts",
  event: "Events",
  act: "Acts",
  note: "Notes",
  incident: "Incident",
  connection: "Connections",
};

/** How many rows of each kind there are; kinds without any are absent. */
export function countKinds(timeline: readonly TimelineEntry[]): Map<TimelineEntry["kind"], number> {
  const counts = new Map<TimelineEntry["kind"], number>();
  for (const { kind } of timeline) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Newest first, without the kinds that are left out. */
export function shownTimeline(timeline: readonly TimelineEntry[], hidden: ReadonlySet<TimelineEntry["kind"]>): TimelineEntry[] {
  return timeline.filter(({ kind }) => !hidden.has(kind)).toReversed();
}

/** Open ones first, those that most need somebody on top; the others by when they began, the newest first. */
export function inOrder(incidents: readonly IncidentSummary[]): IncidentSummary[] {
  const over = incidents.filter(({ state }) => state !== "open");
  return [
    ...openIncidents(incidents),
    ...over.toSorted(
      (left, right) => STATE_RANK[left.state] - STATE_RANK[right.state] || right.beganAtMs - left.beganAtMs || right.number - left.number,
    ),
  ];
}

const STATE_RANK: Record<IncidentState, number> = { open: 0, mitigated: 1, resolved: 2 };

/** Those that need somebody now: first the one with the most VMs in trouble, then the worst verdict, then the longest. */
export function openIncidents(incidents: readonly IncidentSummary[]): IncidentSummary[] {
  return incidents
    .filter(({ state }) => state === "open")
    .toSorted(
      (left, right) =>
        right.troubledCount - left.troubledCount ||
        severityRank(left.worstKind) - severityRank(right.worstKind) ||
        left.beganAtMs - right.beganAtMs,
    );
}

/** What one pastes where others are told of it: what is wrong, since when, and with which VMs. */
export function incidentSummaryText(
  incident: Pick<Incident, "number" | "title" | "state" | "beganAtMs" | "members"> & Parameters<typeof membersWords>[0],
): string {
  const troubled = incident.members.filter(({ isInTrouble, movedToId }) => isInTrouble && movedToId === undefined);
  const lines = [
    `Incident ${incident.number}, ${STATE_WORD[incident.state].toLowerCase()}: ${incident.title}`,
    `Since ${formatUtc(incident.beganAtMs)}; ${membersWords(incident)}`,
  ];
  if (troubled.length > 0) lines.push(troubled.map(({ name, host }) => `${name} (${host})`).join(", "));
  return lines.join("\n");
}
