import { severityRank } from "../health/verdict.ts";
import type { VmId } from "../vm/report.ts";
import type { VmCondition } from "./condition.ts";
import type { Acknowledgement, Incident, IncidentCause, IncidentMember, IncidentNote, IncidentSummary, TimelineEntry } from "./incident.ts";
import type { Lead } from "./leads.ts";
import { KIND_WORDS, titleOf } from "./title.ts";

/** A moment on both clocks: what is shown is Unix ms, what is measured goes by the one that nobody sets. */
export interface Moment {
  atMs: number;
  monoMs: number;
}

/** Beyond so many changes of state the counters alone go on: a VM that flaps for a week must not write a book. */
const MAX_STATE_ENTRIES = 60;

/** An incident while it can change. Its counts always equal what its members say. */
export interface Draft extends Omit<Incident, "members" | "notes" | "title" | "memberCount"> {
  members: Map<VmId, IncidentMember>;
  noteCount: number;
  beganMonoMs: number;
  openedMonoMs: number;
  mitigatedMonoMs?: number;
  stateEntryCount: number;
  /** Of its members, those that went on in another incident. */
  movedCount: number;
  /** Not taken by the owner yet. */
  changedMembers: Set<VmId>;
  newEntries: TimelineEntry[];
  /** The one that tells of its opening, as long as nobody has taken it: what joins until then is a part of it. */
  opening?: TimelineEntry;
}

export interface NewDraft {
  incidentId: string;
  number: number;
  cause: IncidentCause;
  continuesId?: string;
  now: Moment;
}

export function newDraft({ incidentId, number, cause, continuesId, now }: NewDraft): Draft {
  return {
    incidentId,
    number,
    state: "open",
    cause,
    openedAtMs: now.atMs,
    beganAtMs: now.atMs,
    detectedAfterMs: 0,
    members: new Map(),
    troubledCount: 0,
    flapCount: 0,
    worstKind: "healthy",
    ...(continuesId === undefined ? {} : { continuesId }),
    revision: 0,
    noteCount: 0,
    beganMonoMs: now.monoMs,
    openedMonoMs: now.monoMs,
    stateEntryCount: 0,
    movedCount: 0,
    changedMembers: new Set(),
    newEntries: [],
  };
}

/** One that the store kept, with its durations measured from now on by the clock that nobody sets. */
export function draftOf(incident: Incident, now: Moment): Draft {
  const { members, notes, title, memberCount, ...rest } = incident;
  void [title, memberCount];
  const monoOf = (atMs: number) => now.monoMs - Math.max(0, now.atMs - atMs);
  return {
    ...rest,
    members: new Map(members.map((member) => [member.vmId, { ...member }])),
    noteCount: notes.length,
    beganMonoMs: monoOf(incident.beganAtMs),
    openedMonoMs: monoOf(incident.openedAtMs),
    ...(incident.mitigatedAtMs === undefined ? {} : { mitigatedMonoMs: monoOf(incident.mitigatedAtMs) }),
    stateEntryCount: 0,
    movedCount: members.filter((member) => member.movedToId !== undefined).length,
    changedMembers: new Set(),
    newEntries: [],
  };
}

/** Takes in a VM that is in trouble, new or known; with `carried` what it was in the incident that it comes from. */
export function takeIn(draft: Draft, vm: VmCondition, now: Moment, carried?: IncidentMember): void {
  const known = draft.members.get(vm.vmId);
  const before = carried ?? known;
  const { vmId, name, bridgeId, host, kind, suspectKey } = vm;
  const isRelapse = before !== undefined && !before.isInTrouble;
  const member: IncidentMember = {
    vmId,
    name,
    bridgeId,
    host,
    kind,
    isInTrouble: true,
    worstKind: before === undefined || severityRank(kind) < severityRank(before.worstKind) ? kind : before.worstKind,
    joinedAtMs: known?.joinedAtMs ?? now.atMs,
    sinceAtMs: before?.sinceAtMs ?? Math.min(vm.sinceAtMs, now.atMs),
    flapCount: (before?.flapCount ?? 0) + (isRelapse ? 1 : 0),
    ...((suspectKey ?? before?.suspectKey) === undefined ? {} : { suspectKey: suspectKey ?? before?.suspectKey }),
  };
  draft.members.set(vmId, member);
  draft.changedMembers.add(vmId);
  if (known?.isInTrouble !== true) draft.troubledCount += 1;
  if (known?.movedToId !== undefined) draft.movedCount -= 1;
  draft.flapCount += member.flapCount - (known?.flapCount ?? 0);
  if (severityRank(member.worstKind) < severityRank(draft.worstKind)) draft.worstKind = member.worstKind;
  beginAt(draft, vm, now);
}

/** The trouble of the incident began with the earliest trouble of its members, by ages and not by the clock on the wall. */
function beginAt(draft: Draft, vm: VmCondition, now: Moment): void {
  const ageMs = Math.max(0, now.atMs - vm.sinceAtMs);
  if (now.monoMs - ageMs >= draft.beganMonoMs) return;
  draft.beganMonoMs = now.monoMs - ageMs;
  draft.beganAtMs = Math.min(draft.beganAtMs, now.atMs - ageMs);
  draft.detectedAfterMs = Math.round(draft.openedMonoMs - draft.beganMonoMs);
}

/** What a lead says of the cause that it becomes, or is: a cause of many has the text that fits them all. */
export function causeOf(lead: Lead): IncidentCause {
  return { kind: lead.kind, key: lead.key, text: lead.ownText, ...(lead.weight === "alone" ? { isEstablished: true } : {}) };
}

export function fitCause(draft: Draft, lead: Lead): void {
  const { cause } = draft;
  if (cause.text !== lead.ownText && cause.text !== lead.text) cause.text = lead.text;
  if (lead.weight === "alone") cause.isEstablished = true;
}

export function recoverMember(draft: Draft, member: IncidentMember, now: Moment): void {
  member.isInTrouble = false;
  // A clock that was set back must not let a recovery come before the trouble.
  member.recoveredAtMs = Math.max(now.atMs, member.sinceAtMs);
  draft.troubledCount -= 1;
  draft.changedMembers.add(member.vmId);
}

/** Leaves the member for the record in an incident that is not its own any more. */
export function moveOut(draft: Draft, member: IncidentMember, toId: string): void {
  if (member.isInTrouble) draft.troubledCount -= 1;
  member.isInTrouble = false;
  member.movedToId = toId;
  draft.movedCount += 1;
  draft.changedMembers.add(member.vmId);
}

export function mitigate(draft: Draft, now: Moment): void {
  draft.state = "mitigated";
  draft.mitigatedAtMs = Math.max(now.atMs, draft.openedAtMs);
  draft.mitigatedMonoMs = now.monoMs;
  draft.recoveredAfterMs = Math.round(now.monoMs - draft.beganMonoMs);
  tellState(draft, now, { text: "Mitigated: no member is in trouble any more" });
}

export function reopen(draft: Draft, vm: VmCondition, now: Moment): void {
  draft.state = "open";
  delete draft.mitigatedAtMs;
  delete draft.mitigatedMonoMs;
  delete draft.recoveredAfterMs;
  tellState(draft, now, { vmId: vm.vmId, vmName: vm.name, text: `Reopened: ${KIND_WORDS[vm.kind]}` });
}

export function close(draft: Draft, now: Moment, { text, who }: { text: string; who?: string }): void {
  draft.state = "resolved";
  draft.resolvedAtMs = Math.max(now.atMs, draft.mitigatedAtMs ?? draft.openedAtMs);
  if (who !== undefined) draft.resolvedBy = who;
  tell(draft, now, { text, ...(who === undefined ? {} : { who }) });
}

/** Somebody is on it, or no longer; said again, the newest counts. */
export function acknowledge(draft: Draft, acknowledgement: Acknowledgement | undefined, now: Moment, who: string): void {
  if (acknowledgement === undefined) {
    if (draft.acknowledgement === undefined) return;
    delete draft.acknowledgement;
    tell(draft, now, { text: "Nobody is on it any more", who });
    return;
  }
  draft.acknowledgement = acknowledgement;
  const minutes = Math.round((acknowledgement.untilMs - acknowledgement.atMs) / 60_000);
  tell(draft, now, { text: `${acknowledgement.who} is on it, for ${minutes} min`, who });
}

export function tell(draft: Draft, now: Moment, entry: Omit<TimelineEntry, "atMs" | "kind">): void {
  draft.newEntries.push({ atMs: now.atMs, kind: "incident", ...entry });
}

function tellState(draft: Draft, now: Moment, entry: Omit<TimelineEntry, "atMs" | "kind">): void {
  draft.stateEntryCount += 1;
  if (draft.stateEntryCount < MAX_STATE_ENTRIES) tell(draft, now, entry);
  if (draft.stateEntryCount === MAX_STATE_ENTRIES) tell(draft, now, { text: "It goes on like this; the counters tell how often" });
}

export function summaryOf(draft: Draft): IncidentSummary {
  const {
    members,
    beganMonoMs,
    openedMonoMs,
    mitigatedMonoMs,
    stateEntryCount,
    movedCount,
    changedMembers,
    newEntries,
    opening,
    cause,
    ...rest
  } = draft;
  void [beganMonoMs, openedMonoMs, mitigatedMonoMs, stateEntryCount, movedCount, changedMembers, newEntries, opening];
  const hosts = new Set<string>();
  for (const member of members.values()) hosts.add(member.host);
  return { ...rest, cause: { ...cause }, title: titleOfDraft(draft), memberCount: members.size, hosts: [...hosts].toSorted() };
}

export function titleOfDraft(draft: Draft): string {
  const { cause, state, members, movedCount, worstKind } = draft;
  let first: IncidentMember | undefined;
  for (const member of members.values()) {
    first ??= member;
    if (member.movedToId !== undefined) continue;
    first = member;
    break;
  }
  return titleOf({ cause, state, memberCount: Math.max(1, members.size - movedCount), firstName: first?.name ?? "", worstKind });
}

/** The incident whole, as it is kept and shown. */
export function incidentOf(draft: Draft, notes: IncidentNote[]): Incident {
  const { hosts, noteCount, ...summary } = summaryOf(draft);
  void [hosts, noteCount];
  return { ...summary, members: Array.from(draft.members.values(), (member) => ({ ...member })), notes };
}
