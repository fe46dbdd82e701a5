import type { IncidentDetail } from "../api/incident.ts";
import type { ActRecord } from "../yank/act.ts";
import type { IncidentMember, TimelineEntry } from "./incident.ts";
import { KIND_WORDS } from "./title.ts";

/** An incident as text for a ticket. All times are UTC; everything that came from a VM or a person is escaped. Pure. */
export function incidentMarkdown(incident: IncidentDetail): string {
  const { number, title, members, timeline, timelineIsCut, acts, notes } = incident;
  const parts = [
    `# Incident #${number}: ${escape(title)}`,
    facts(incident),
    `## Members (${members.length})`,
    table(["VM", "Host", "Now", "Worst", "Trouble since (UTC)", "Out of it (UTC)", "Fell back"], members.map(memberRow)),
  ];
  if (acts.length > 0) parts.push("## Acts", ...acts.map(actPart));
  if (notes.length > 0) {
    parts.push("## Notes", notes.map(({ atMs, who, text }) => `- ${utc(atMs)}, ${escape(who)}: ${escape(text)}`).join("\n"));
  }
  parts.push("## Timeline (UTC)");
  if (timelineIsCut) parts.push(`Only the newest ${timeline.length} lines.`);
  parts.push(timeline.map(timelineLine).join("\n"));
  return `${parts.join("\n\n")}\n`;
}

function facts(incident: IncidentDetail): string {
  const { incidentId, state, cause, beganAtMs, openedAtMs, detectedAfterMs, mitigatedAtMs, recoveredAfterMs, resolvedAtMs, resolvedBy } =
    incident;
  const lines = [
    `- State: ${state}, of ${utc(incident.serverTimeMs)}`,
    `- Cause: ${escape(cause.text)}${cause.isEstablished === true || cause.kind === "vm" ? "" : " (what its members have in common; not proven)"}`,
    `- Began: ${utc(beganAtMs)}`,
    `- Detected: ${utc(openedAtMs)}, after ${duration(detectedAfterMs)}`,
    mitigatedAtMs === undefined
      ? `- In trouble now: ${incident.troubledCount} of ${incident.memberCount}`
      : `- No member in trouble since: ${utc(mitigatedAtMs)}${recoveredAfterMs === undefined ? "" : `, ${duration(recoveredAfterMs)} after it began`}`,
    resolvedAtMs === undefined
      ? undefined
      : `- Resolved: ${utc(resolvedAtMs)}${resolvedBy === undefined ? "" : `, by ${escape(resolvedBy)}`}`,
    incident.flapCount > 0 ? `- Fell back: ${incident.flapCount === 1 ? "once" : `${incident.flapCount} times`}` : undefined,
    incident.continuesId === undefined ? undefined : `- Continues: ${escape(incident.continuesId)}`,
    incident.mergedIntoId === undefined ? undefined : `- Merged into: ${escape(incident.mergedIntoId)}`,
    `- Id: ${escape(incidentId)}`,
  ];
  return lines.filter((text) => text !== undefined).join("\n");
}

function memberRow(member: IncidentMember): string[] {
  return [
    member.name,
    member.host,
    nowText(member),
    KIND_WORDS[member.worstKind],
    utc(member.sinceAtMs),
    member.recoveredAtMs === undefined ? "" : utc(member.recoveredAtMs),
    member.flapCount === 0 ? "" : String(member.flapCount),
  ];
}

function nowText({ kind, isNotKnown, endedAtMs, movedToId }: IncidentMember): string {
  if (movedToId !== undefined) return "in another incident";
  if (endedAtMs !== undefined) return `ended; was ${KIND_WORDS[kind]}`;
  return isNotKnown === true ? `not known; was ${KIND_WORDS[kind]}` : KIND_WORDS[kind];
}

function actPart({ action, who, reason, createdAtMs, targets }: ActRecord): string {
  const why = reason === undefined ? "" : `, because: ${escape(reason)}`;
  const rows = targets.map((target) => [
    target.vmName,
    target.sentAtMs === undefined ? "" : utc(target.sentAtMs),
    target.state,
    target.verdict,
    [target.detail, ...target.aftermath, ...(target.amendments ?? []).map((amendment) => amendment.text)].filter(Boolean).join("; "),
  ]);
  return `${utc(createdAtMs)}: ${action}, confirmed by ${escape(who)}${why}\n\n${table(["VM", "Sent (UTC)", "Command", "Verdict", "Detail"], rows)}`;
}

function timelineLine({ atMs, kind, vmName, who, text, count }: TimelineEntry): string {
  const whose = [vmName, who]
    .filter((name) => name !== undefined)
    .map(escape)
    .join(", ");
  const times = count !== undefined && vmName !== undefined && count > 1 ? ` (${count} times)` : "";
  return `- ${utc(atMs)} ${kind}: ${whose === "" ? "" : `${whose}: `}${escape(text)}${times}`;
}

function table(head: string[], rows: readonly string[][]): string {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => escape(cell)).join(" | ")} |`;
  return [row(head), `| ${head.map(() => "---").join(" | ")} |`, ...rows.map(row)].join("\n");
}

/** Text that Markdown shows as it is, on one line: neither markup, nor HTML, nor links, nor a cell's end. */
function escape(text: string): string {
  const flat = text.replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return flat
    .replace(/[\\`*_{}[\]<>#|~!&@]/g, "\\$&")
    .replace(/^([-+=]|\d+\.)/, "\\$1")
    .replace(/(https?|ftp|mailto|www)([:.])/gi, "$1\\$2");
}

/** "2026-11-25 08:07:27 UTC" */
function utc(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "1 h 4 min", "3 min 12 s", "5.2 s" */
function duration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
