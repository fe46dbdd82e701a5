import { assertNever } from "#lib/assert-never";
import type { AuditEvent, AuditRow } from "#lib/audit/events";
import type { ActProgress, ActState } from "#lib/yank/act";
import { formatDuration, formatUtc } from "../ui/format.ts";

export interface AuditWords {
  what: string;
  detail?: string;
  /** What was to be sent, exactly. */
  command?: string;
  /** Where it is about one VM. */
  vmId?: string;
}

const TYPES: Record<AuditEvent["type"], true> = {
  "act-intended": true,
  "act-progressed": true,
  "act-amended": true,
  "act-refused": true,
  "plan-made": true,
  "plan-refused": true,
  "plan-voided": true,
  "incident-noted": true,
  "incident-acknowledged": true,
  "incident-unacknowledged": true,
  "incident-resolved": true,
  "session-opened": true,
  "session-refused": true,
  "token-created": true,
  "config-loaded": true,
  "config-refused": true,
  "bridge-connected": true,
  "bridge-lost": true,
  "bridge-refused": true,
  "hub-started": true,
  "hub-stopped": true,
  "audit-chained": true,
  "audit-pruned": true,
  "audit-head-begun": true,
  "audit-cut-off": true,
};

/** What can be looked for by its kind; acts first. */
export const EVENT_TYPES = Object.keys(TYPES) as AuditEvent["type"][];

/**
 * One fact of the record in words. An event that this page does not know is shown by its type.
 * @param repeatsFormer it closes an act and tells nothing that the row before it did not tell
 */
export function auditWords(event: AuditEvent, repeatsFormer = false): AuditWords {
  switch (event.type) {
    case "plan-made":
      return {
        what: `Plan made: ${event.plan.title.replace(/\?$/, "")}`,
        detail: event.plan.targets.flatMap((target) => target.effects.map((effect) => effect.sentence)).join(" "),
        vmId: event.plan.targets[0]?.vmId,
      };
    case "plan-refused":
      return { what: `Plan refused: ${event.action}`, detail: event.detail, vmId: event.vmIds[0] };
    case "plan-voided":
      return { what: "Plan void for good", detail: event.void.text };
    case "act-intended":
      return {
        what: "About to be sent",
        command: JSON.stringify(event.command),
        detail: event.reason ? `“${event.reason}”` : undefined,
        vmId: event.vmId,
      };
    case "act-refused":
      return { what: `Confirmation refused: ${event.code}`, detail: event.detail };
    case "act-progressed":
      return { ...progressWords(event, repeatsFormer), vmId: event.vmId };
    case "act-amended":
      return { what: "The same trouble came back", detail: event.amendment.text, vmId: event.vmId };
    case "incident-noted":
      return { what: "Note on an incident", detail: event.text };
    case "incident-acknowledged":
      return { what: `${event.who} is on an incident`, detail: `until ${formatUtc(event.untilMs)}` };
    case "incident-unacknowledged":
      return { what: "Nobody is on an incident any more" };
    case "incident-resolved":
      return { what: "Incident closed", detail: event.reason };
    case "bridge-connected":
      return { what: `Bridge ${event.bridgeId} connected` };
    case "bridge-lost":
      return { what: `Bridge ${event.bridgeId} lost` };
    case "bridge-refused":
      return { what: `Bridge ${event.bridgeId} turned away`, detail: event.reason };
    case "hub-started":
      return { what: `Hub started, version ${event.version}` };
    case "hub-stopped":
      return { what: "Hub stopped" };
    case "config-loaded":
      return {
        what: event.trigger === "start" ? "Configuration at the start" : "Configuration read again",
        detail: [...event.changes, ...(event.moreChanges ? [`and ${event.moreChanges} more`] : []), `hash ${event.hash.slice(0, 12)}`].join(
          " · ",
        ),
      };
    case "config-refused":
      return { what: "Configuration refused, the old one stays", detail: event.detail };
    case "token-created":
      return { what: event.token === "access" ? "A new access token was made" : "A new token for this host's bridge was made" };
    case "audit-chained":
      return {
        what: "The record is chained from here on",
        detail: `Rows up to ${event.throughSequence} were chained later than they were written`,
      };
    case "audit-pruned":
      return {
        what: `${event.dropped} rows older than ${event.keepDays} days dropped from the record`,
        detail: `It begins with row ${event.firstKept}`,
      };
    case "audit-head-begun":
      return { what: "audit-head was missing and is begun anew", detail: `Rows cut off behind ${event.throughSequence} cannot be noticed` };
    case "audit-cut-off":
      return {
        what: "Rows of the record are gone",
        detail: `It had reached row ${event.headSequence} and ended with row ${event.lastSequence}`,
      };
    case "session-opened":
      return { what: "Signed in with the access token" };
    case "session-refused":
      return { what: "A wrong access token was offered" };
    default:
      return unknownWords(event);
  }
}

/** The rows that close an act and repeat its state and verdict. Takes the newest first; the rows may be a part of the record. */
export function findRepeats(rows: readonly AuditRow[]): Set<AuditRow> {
  const repeats = new Set<AuditRow>();
  const formerOf = new Map<string, ActProgress>();
  for (const row of rows.toReversed()) {
    if (row.event.type !== "act-progressed") continue;
    const { actId, vmId, progress } = row.event;
    const former = formerOf.get(`${actId} ${vmId}`);
    if (progress.isFinal && former?.state === progress.state && former.verdict === progress.verdict) repeats.add(row);
    formerOf.set(`${actId} ${vmId}`, progress);
  }
  return repeats;
}

function progressWords({ progress }: Extract<AuditEvent, { type: "act-progressed" }>, repeatsFormer: boolean): AuditWords {
  const detail = [progress.detail, ...progress.aftermath].filter(Boolean).join(" · ");
  const reply = progress.replyAfterMs === undefined ? "" : ` after ${formatDuration(progress.replyAfterMs)}`;
  const verdict = progress.verdict === "none" || progress.verdict === "pending" ? "" : `; verdict: ${verdictPhrase(progress)}`;
  const what = `${STATE_WORD[progress.state]}${reply}${verdict}`;
  return { what: repeatsFormer ? `Final: ${lowerFirst(what)}` : what, detail: detail === "" ? undefined : detail };
}

const STATE_WORD: Record<ActState, string> = {
  intended: "Recorded, not sent yet",
  sent: "Sent",
  accepted: "Accepted by QEMU",
  refused: "Refused by QEMU",
  "not-sent": "Not sent",
  unknown: "Not known whether QEMU got it",
  skipped: "Skipped",
};

function verdictPhrase(progress: ActProgress): string {
  const words = progress.verdict.replaceAll("-", " ");
  return progress.recoveredAfterMs === undefined ? words : `${words} after ${formatDuration(progress.recoveredAfterMs)}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Stored rows outlive this code: one that a newer hub wrote is named, not dropped. */
function unknownWords(event: never): AuditWords {
  const raw: unknown = event;
  if (typeof raw === "object" && raw !== null && "type" in raw && typeof raw.type === "string") return { what: raw.type };
  return assertNever(event);
}
