import type { IncidentSummary } from "#lib/incident/incident";

/** Where this browser keeps whether it wants to be told. */
export const NOTIFY_KEY = "ripcord-notify";

/** Incidents that are open and were not before; what was open when the page came up is not news. */
export function freshIncidents(seen: ReadonlySet<string> | undefined, incidents: readonly IncidentSummary[]): IncidentSummary[] {
  if (!seen) return [];
  return incidents.filter((incident) => incident.state === "open" && !seen.has(incident.incidentId));
}
