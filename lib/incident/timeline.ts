import type { VmEvent } from "../api/vm.ts";
import { assertNever } from "../assert-never.ts";
import type { AuditRow } from "../audit/events.ts";
import { HEALTH_KINDS } from "../health/verdict.ts";
import type { HealthKind } from "../health/verdict.ts";
import type { ActRecord, ActState, ActVerdict } from "../yank/act.ts";
import type { IncidentMember, IncidentNote, TimelineEntry } from "./incident.ts";
import { clip, KIND_WORDS } from "./title.ts";

/** The newest so many are shown. */
export const MAX_TIMELINE = 2_000;
/** The same of many VMs within this time is one line with their number. */
const SAME_TIME_MS = 2_000;
const MAX_LINE = 300;

export interface TimelineSources {
  members: readonly IncidentMember[];
  events: readonly VmEvent[];
  acts: readonly ActRecord[];
  /** What became of them: `act-progressed` and `act-amended` rows. */
  steps: readonly AuditRow[];
  notes: readonly IncidentNote[];
  /** What befell the incident itself. */
  own: readonly TimelineEntry[];
}

/** Everything on one clock, the hub's, oldest first, and the same things of many VMs in one line. Pure. */
export function timelineOf(sources: TimelineSources): { timeline: TimelineEntry[]; timelineIsCut: boolean } {
  const names = new Map(sources.members.map((member) => [member.vmId, member.name]));
  const entries = [
    ...sources.own,
    ...sources.notes.map(ofNote),
    ...sources.acts.map(ofAct),
    ...ofSteps(sources, names),
    ...sources.events.flatMap((event) => ofEvent(event, names)),
    ...ofMembers(sources.members, sources.events),
  ];
  // `toSorted` is stable: what happened at one moment stays in the order of its source.
  const merged = mergeSame(entries.toSorted((left, right) => left.atMs - right.atMs));
  return { timeline: merged.slice(-MAX_TIMELINE), timelineIsCut: merged.length > MAX_TIMELINE };
}

function ofNote({ atMs, who, text }: IncidentNote): TimelineEntry {
  return { atMs, kind: "note", who, text };
}

function ofAct(act: ActRecord): TimelineEntry {
  const many = act.targets.length > 1 ? ` on ${act.targets.length} VMs` : ` on ${clip(act.targets[0]?.vmName ?? "a VM")}`;
  const what = { yank: "Yank", "cancel-migration": "Cancel migration", "pause-postcopy": "Pause postcopy" }[act.action];
  const why = act.reason === undefined ? "" : `: ${act.reason}`;
  return {
    atMs: act.createdAtMs,
    kind: "act",
    actId: act.actId,
    who: act.who,
    text: line(`${what} confirmed${many}${why}`),
    ...onlyVm(act),
  };
}

function onlyVm({ targets }: ActRecord): Pick<TimelineEntry, "vmId" | "vmName"> {
  const [only, ...others] = targets;
  return only === undefined || others.length > 0 ? {} : { vmId: only.vmId, vmName: only.vmName };
}

const STATE_TEXTS: Record<ActState, string> = {
  intended: "About to be sent",
  sent: "Command sent",
  accepted: "QEMU accepted it",
  refused: "QEMU refused it",
  "not-sent": "Not sent",
  unknown: "Nobody can tell whether QEMU got it",
  skipped: "Skipped",
};
const VERDICT_TEXTS: Record<ActVerdict, string | undefined> = {
  pending: undefined,
  recovered: "Recovered after the act",
  "took-effect": "The act took effect",
  "no-visible-effect": "The act had no visible effect",
  rehung: "Hung again after the act",
  worse: "Worse after the act",
  "connection-lost": "Connection lost by the act",
  unknown: "What the act did is unknown",
  none: undefined,
};

/** A step that says again what the one before it said of the same target is told once. */
function ofSteps({ steps, acts }: TimelineSources, names: ReadonlyMap<string, string>): TimelineEntry[] {
  const last = new Map<string, string>();
  return steps.flatMap((row) =>
    ofStep(row, acts, names).filter(({ actId, vmId, text }) => {
      const key = `${actId} ${vmId}`;
      const isNews = last.get(key) !== text;
      last.set(key, text);
      return isNews;
    }),
  );
}

function ofStep({ atMs, event }: AuditRow, acts: readonly ActRecord[], names: ReadonlyMap<string, string>): TimelineEntry[] {
  if (event.type !== "act-progressed" && event.type !== "act-amended") return [];
  const target = acts.find((act) => act.actId === event.actId)?.targets.find(({ vmId }) => vmId === event.vmId);
  if (!target) return [];
  const base = { atMs, kind: "act" as const, actId: event.actId, vmId: event.vmId, vmName: names.get(event.vmId) ?? target.vmName };
  if (event.type === "act-amended") return [{ ...base, text: line(`Amended: ${event.amendment.text}`) }];
  const { state, verdict, detail } = event.progress;
  // "Sent" and "accepted" follow each other within milliseconds; the second says both.
  if (state === "intended" || (state === "sent" && verdict === "pending")) return [];
  const text = VERDICT_TEXTS[verdict] ?? STATE_TEXTS[state];
  return [{ ...base, text: line(detail === undefined ? text : `${text}: ${detail}`) }];
}

function ofEvent(event: VmEvent, names: ReadonlyMap<string, string>): TimelineEntry[] {
  const { atMs, vmId } = event;
  const vmName = names.get(vmId);
  const base = { atMs, vmId, ...(vmName === undefined ? {} : { vmName }), ...(event.count > 1 ? { count: event.count } : {}) };
  switch (event.kind) {
    case "verdict":
      return [{ ...base, kind: "verdict", text: capital(kindWords(event.title)) }];
    case "qmp-event":
      return [{ ...base, kind: "event", text: line(event.title) }];
    case "vm-appeared":
    case "vm-ended":
    case "incarnation-changed":
    case "connection":
      return [{ ...base, kind: "connection", text: line(event.text === undefined ? event.title : `${event.title}: ${event.text}`) }];
    case "dropped":
      return [{ ...base, kind: "event", text: line(event.title) }];
    default:
      return assertNever(event.kind);
  }
}

/** Events are kept for a week; what the members themselves say of it is kept as long as the incident. */
function ofMembers(members: readonly IncidentMember[], events: readonly VmEvent[]): TimelineEntry[] {
  const told = new Set(events.filter((event) => event.kind === "verdict").map((event) => event.vmId));
  const entries: TimelineEntry[] = [];
  for (const { vmId, name, sinceAtMs, worstKind, recoveredAtMs, endedAtMs } of members) {
    const base = { vmId, vmName: name };
    if (!told.has(vmId)) {
      entries.push({ ...base, atMs: sinceAtMs, kind: "verdict", text: capital(KIND_WORDS[worstKind]) });
      if (recoveredAtMs !== undefined) entries.push({ ...base, atMs: recoveredAtMs, kind: "verdict", text: "Out of trouble" });
    }
    if (endedAtMs !== undefined) entries.push({ ...base, atMs: endedAtMs, kind: "connection", text: "VM ended" });
  }
  return entries;
}

/** @param sorted the oldest first. */
function mergeSame(sorted: readonly TimelineEntry[]): TimelineEntry[] {
  const merged: TimelineEntry[] = [];
  const open = new Map<string, { entry: TimelineEntry; vms: Set<string>; sinceAtMs: number }>();
  for (const entry of sorted) {
    if (entry.vmId === undefined || entry.kind === "note" || entry.kind === "incident") {
      merged.push(entry);
      continue;
    }
    const key = `${entry.kind}\n${entry.actId ?? ""}\n${entry.text}`;
    const group = open.get(key);
    if (!group || entry.atMs - group.sinceAtMs > SAME_TIME_MS) {
      const first = { ...entry };
      merged.push(first);
      open.set(key, { entry: first, vms: new Set([entry.vmId]), sinceAtMs: entry.atMs });
      continue;
    }
    group.vms.add(entry.vmId);
    if (group.vms.size > 1) {
      // Of many VMs `count` is how many they are; of one, how often it happened.
      delete group.entry.vmId;
      delete group.entry.vmName;
      group.entry.count = group.vms.size;
    } else group.entry.count = (group.entry.count ?? 1) + (entry.count ?? 1);
  }
  return merged.map((entry) =>
    entry.vmId === undefined && entry.count !== undefined ? { ...entry, text: `${entry.count} VMs: ${uncapital(entry.text)}` } : entry,
  );
}

function kindWords(kind: string): string {
  return isHealthKind(kind) ? KIND_WORDS[kind] : line(kind);
}

function isHealthKind(kind: string): kind is HealthKind {
  return (HEALTH_KINDS as readonly string[]).includes(kind);
}

function line(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length <= MAX_LINE ? flat : `${flat.slice(0, MAX_LINE - 1)}…`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** QEMU's names of events keep their letters. */
function uncapital(text: string): string {
  return /^[A-Z][A-Z_]/.test(text) || text.startsWith("I/O") ? text : text.charAt(0).toLowerCase() + text.slice(1);
}
