import type { VmId } from "../vm/report.ts";
import { chooseLead, isBetterLead } from "./choose-lead.ts";
import type { VmCondition } from "./condition.ts";
import {
  acknowledge,
  causeOf,
  close,
  fitCause,
  mitigate,
  moveOut,
  newDraft,
  recoverMember,
  reopen,
  takeIn,
  tell,
  titleOfDraft,
} from "./draft.ts";
import type { Draft, Moment } from "./draft.ts";
import type { Acknowledgement, IncidentCause, IncidentMember } from "./incident.ts";
import type { Lead } from "./leads.ts";
import { LeadIndex } from "./lead-index.ts";
import { RecentlyResolved } from "./recently-resolved.ts";
import type { ResolvedBefore } from "./recently-resolved.ts";

export interface BookOptions {
  newId(): string;
  /** Greater than any number that was ever given. */
  nextNumber: number;
  /** Open and mitigated ones of an earlier run. */
  active?: readonly Draft[];
  resolved?: readonly ResolvedBefore[];
}

export interface BookChanges {
  /** Whatever changed; its `changedMembers` and `newEntries` are for the taker to empty. */
  incidents: Set<Draft>;
  /** VMs that belong to another incident than before, or to none. */
  memberships: Map<VmId, string | undefined>;
}

/**
 * Which VM in trouble belongs to which incident. Pure but for its own memory: it knows no clock, no store and no fleet.
 * The work for one change does not depend on how many VMs share its cause, save once when a common cause shows.
 */
export class IncidentBook {
  readonly #newId: () => string;
  #nextNumber: number;
  readonly #active = new Map<string, Draft>();
  readonly #byCause = new Map<string, Draft>();
  readonly #byVm = new Map<VmId, Draft>();
  /** VMs in trouble, as they were last known. */
  readonly #troubled = new Map<VmId, VmCondition>();
  readonly #index = new LeadIndex();
  readonly #resolved: RecentlyResolved;
  readonly #isOpenCause = ({ key }: Lead) => (this.#byCause.get(key)?.troubledCount ?? 0) > 0;
  #changes: BookChanges = { incidents: new Set(), memberships: new Map() };

  constructor({ newId, nextNumber, active = [], resolved = [] }: BookOptions) {
    this.#newId = newId;
    this.#nextNumber = nextNumber;
    this.#resolved = new RecentlyResolved(resolved);
    for (const draft of active) {
      this.#active.set(draft.incidentId, draft);
      this.#byCause.set(draft.cause.key, draft);
      for (const member of draft.members.values()) if (member.movedToId === undefined) this.#byVm.set(member.vmId, draft);
    }
  }

  active(): Iterable<Draft> {
    return this.#active.values();
  }

  get(incidentId: string): Draft | undefined {
    return this.#active.get(incidentId);
  }

  incidentOf(vmId: VmId): Draft | undefined {
    return this.#byVm.get(vmId);
  }

  /** How these VMs are now. What comes together is looked at together. */
  apply(conditions: readonly VmCondition[], now: Moment): void {
    const toPlace: VmCondition[] = [];
    for (const vm of conditions) {
      if (vm.standing === "troubled") {
        this.#troubled.set(vm.vmId, vm);
        this.#index.set(vm);
        toPlace.push(vm);
      } else if (vm.standing === "well") this.#well(vm, now);
      else this.#notKnown(vm);
    }
    for (const vm of toPlace) this.#place(vm, now);
  }

  /** A VM has left; whether it was well at last does not matter any more. */
  vmEnded(vmId: VmId, endedAtMs: number, now: Moment): void {
    this.#forget(vmId);
    const draft = this.#byVm.get(vmId);
    const member = draft?.members.get(vmId);
    if (!draft || !member || member.endedAtMs !== undefined) return;
    member.endedAtMs = Math.max(endedAtMs, member.sinceAtMs);
    delete member.isNotKnown;
    if (member.isInTrouble) {
      member.isInTrouble = false;
      draft.troubledCount -= 1;
    }
    draft.changedMembers.add(vmId);
    this.#changed(draft);
    this.#settle(draft, now);
  }

  /** Resolves what has been quiet for long enough. */
  tick(resolveAfterMs: number, now: Moment): void {
    for (const draft of this.#active.values()) {
      if (draft.mitigatedMonoMs === undefined || now.monoMs - draft.mitigatedMonoMs < resolveAfterMs) continue;
      this.#close(draft, now, { text: "Resolved: it stayed quiet" });
    }
  }

  /** A person closes it. The trouble that its members still are in is not told again; what begins later is. */
  resolve(incidentId: string, by: { who: string; reason?: string }, now: Moment): boolean {
    const draft = this.#active.get(incidentId);
    if (!draft) return false;
    this.#close(draft, now, { text: by.reason === undefined ? "Resolved" : `Resolved: ${by.reason}`, who: by.who });
    return true;
  }

  /** @returns whether there is such an incident that is not over. */
  acknowledge(incidentId: string, acknowledgement: Acknowledgement | undefined, who: string, now: Moment): boolean {
    const draft = this.#active.get(incidentId);
    if (!draft) return false;
    acknowledge(draft, acknowledgement, now, who);
    this.#changed(draft);
    return true;
  }

  noted(incidentId: string): void {
    const draft = this.#active.get(incidentId);
    if (!draft) return;
    draft.noteCount += 1;
    this.#changed(draft);
  }

  takeChanges(): BookChanges {
    const taken = this.#changes;
    for (const draft of taken.incidents) {
      if (draft.opening) draft.opening.text = `Opened: ${titleOfDraft(draft)}`;
      delete draft.opening;
    }
    this.#changes = { incidents: new Set(), memberships: new Map() };
    return taken;
  }

  #well({ vmId, kind, name }: VmCondition, now: Moment): void {
    this.#forget(vmId);
    this.#resolved.wasWell(vmId);
    const draft = this.#byVm.get(vmId);
    const member = draft?.members.get(vmId);
    if (!draft || !member || (!member.isInTrouble && member.isNotKnown !== true && member.kind === kind && member.endedAtMs === undefined))
      return;
    Object.assign(member, { kind, name });
    delete member.isNotKnown;
    delete member.endedAtMs;
    if (member.isInTrouble) recoverMember(draft, member, now);
    draft.changedMembers.add(vmId);
    this.#changed(draft);
    this.#settle(draft, now);
  }

  #notKnown({ vmId }: VmCondition): void {
    const draft = this.#byVm.get(vmId);
    const member = draft?.members.get(vmId);
    if (!draft || !member || member.isNotKnown === true || member.endedAtMs !== undefined) return;
    member.isNotKnown = true;
    draft.changedMembers.add(vmId);
    this.#changed(draft);
  }

  #place(vm: VmCondition, now: Moment): void {
    const current = this.#byVm.get(vm.vmId);
    if (!current && this.#resolved.isKnownTrouble(vm)) return;
    const lead = chooseLead(vm, { current, index: this.#index, isOpenCause: this.#isOpenCause });
    const target = lead && this.#incidentFor(lead, vm.vmId);
    if (current && (lead === undefined || target === current || !isBetterLead(lead, vm, current))) {
      this.#stay(current, vm, target === current ? lead : undefined, now);
    } else if (lead === undefined) this.#open(vm, { kind: "vm", key: `vm:${vm.vmId}`, text: vm.name }, now);
    else if (target) this.#join(target, vm, lead, now);
    else this.#gather(vm, lead, now);
  }

  #incidentFor(lead: Lead, vmId: VmId): Draft | undefined {
    const active = this.#byCause.get(lead.key);
    if (active || lead.weight !== "paired") return active;
    const partner = this.#index.others(lead.key, vmId).next().value;
    const theirs = partner === undefined ? undefined : this.#byVm.get(partner);
    return theirs?.cause.kind === "migration" ? theirs : undefined;
  }

  #stay(draft: Draft, vm: VmCondition, lead: Lead | undefined, now: Moment): void {
    const member = draft.members.get(vm.vmId);
    if (lead && member) this.#fit(draft, lead);
    const isSame =
      member?.isInTrouble === true &&
      member.kind === vm.kind &&
      member.name === vm.name &&
      member.isNotKnown !== true &&
      member.suspectKey === (vm.suspectKey ?? member.suspectKey);
    if (isSame) return;
    this.#admit(draft, vm, now);
  }

  #fit(draft: Draft, lead: Lead): void {
    const before = JSON.stringify(draft.cause);
    fitCause(draft, lead);
    if (JSON.stringify(draft.cause) !== before) this.#changed(draft);
  }

  #open(vm: VmCondition, cause: IncidentCause, now: Moment): Draft {
    const incidentId = this.#newId();
    const continuesId = this.#resolved.before(cause.key, vm.vmId, now.atMs);
    const draft = newDraft({ incidentId, number: this.#nextNumber++, cause, continuesId, now });
    this.#active.set(incidentId, draft);
    this.#byCause.set(cause.key, draft);
    const current = this.#byVm.get(vm.vmId);
    this.#admit(draft, vm, now, current && this.#leave(current, vm, draft, now));
    tell(draft, now, { text: "Opened" });
    draft.opening = draft.newEntries.at(-1);
    return draft;
  }

  #join(target: Draft, vm: VmCondition, lead: Lead, now: Moment): void {
    const current = this.#byVm.get(vm.vmId);
    const carried = current && this.#leave(current, vm, target, now);
    if (lead.key === target.cause.key) this.#fit(target, lead);
    this.#admit(target, vm, now, carried);
  }

  #belong(target: Draft, vm: VmCondition, lead: Lead, now: Moment): void {
    if (this.#byVm.get(vm.vmId) === target) this.#stay(target, vm, lead, now);
    else this.#join(target, vm, lead, now);
  }

  /** A common cause shows for the first time: the oldest incident of a VM that has it becomes the common one. */
  #gather(vm: VmCondition, lead: Lead, now: Moment): void {
    const singles: Draft[] = [];
    for (const vmId of [vm.vmId, ...this.#index.others(lead.key, vm.vmId)]) {
      const other = this.#troubled.get(vmId);
      const draft = this.#byVm.get(vmId);
      // Who is alone in an incident takes its number along, whatever the cause was thought to be.
      const isSingle = draft?.cause.kind === "vm" || (vmId === vm.vmId && draft && draft.members.size - draft.movedCount === 1);
      if (draft && isSingle && other && this.#index.isSameTime(lead, vm, other)) singles.push(draft);
    }
    const oldest = singles.toSorted((left, right) => left.number - right.number)[0];
    const target = oldest ?? this.#open(vm, causeOf(lead), now);
    if (oldest) this.#recause(oldest, lead, now);
    for (const draft of singles) {
      for (const vmId of draft.members.keys()) {
        const other = this.#troubled.get(vmId);
        const theirs = other?.leads.find((candidate) => candidate.key === lead.key);
        if (other && theirs) this.#belong(target, other, theirs, now);
      }
    }
    this.#belong(target, vm, lead, now);
  }

  #recause(draft: Draft, lead: Lead, now: Moment): void {
    this.#byCause.delete(draft.cause.key);
    draft.cause = causeOf(lead);
    this.#byCause.set(lead.key, draft);
    tell(draft, now, { text: lead.weight === "alone" ? `Cause found: ${lead.text}` : `In common with others in trouble: ${lead.text}` });
    this.#changed(draft);
  }

  #admit(draft: Draft, vm: VmCondition, now: Moment, carried?: IncidentMember): void {
    const isReopened = draft.state === "mitigated";
    takeIn(draft, vm, now, carried);
    if (isReopened) reopen(draft, vm, now);
    if (this.#byVm.get(vm.vmId) !== draft) {
      this.#byVm.set(vm.vmId, draft);
      this.#changes.memberships.set(vm.vmId, draft.incidentId);
    }
    this.#changed(draft);
  }

  /** @returns what it was there, to be carried on. */
  #leave(draft: Draft, vm: VmCondition, target: Draft, now: Moment): IncidentMember | undefined {
    const member = draft.members.get(vm.vmId);
    if (!member) return undefined;
    const carried = { ...member };
    moveOut(draft, member, target.incidentId);
    this.#byVm.delete(vm.vmId);
    this.#changed(draft);
    if (draft.movedCount < draft.members.size) {
      tell(draft, now, { vmId: vm.vmId, vmName: vm.name, text: `Belongs to #${target.number}: ${target.cause.text}` });
      this.#settle(draft, now);
      return carried;
    }
    tell(target, now, { text: `#${draft.number} merged into this: ${titleOfDraft(draft)}` });
    draft.mergedIntoId = target.incidentId;
    this.#close(draft, now, { text: `Merged into #${target.number}: ${target.cause.text}` });
    return carried;
  }

  #settle(draft: Draft, now: Moment): void {
    if (draft.state === "open" && draft.troubledCount === 0) mitigate(draft, now);
  }

  #close(draft: Draft, now: Moment, how: { text: string; who?: string }): void {
    close(draft, now, how);
    this.#active.delete(draft.incidentId);
    if (this.#byCause.get(draft.cause.key) === draft) this.#byCause.delete(draft.cause.key);
    for (const [vmId] of draft.members) {
      if (this.#byVm.get(vmId) !== draft) continue;
      this.#byVm.delete(vmId);
      this.#changes.memberships.set(vmId, undefined);
    }
    if (draft.mergedIntoId === undefined) this.#resolved.add(resolvedOf(draft));
    this.#changed(draft);
  }

  #changed(draft: Draft): void {
    draft.revision += 1;
    this.#changes.incidents.add(draft);
  }

  #forget(vmId: VmId): void {
    this.#troubled.delete(vmId);
    this.#index.remove(vmId);
  }
}

function resolvedOf(
  draft: Pick<Draft, "incidentId" | "cause" | "resolvedAtMs" | "resolvedBy"> & { members: Map<VmId, IncidentMember> },
): ResolvedBefore {
  return {
    incidentId: draft.incidentId,
    causeKey: draft.cause.key,
    resolvedAtMs: draft.resolvedAtMs ?? 0,
    members: Array.from(draft.members.values(), ({ vmId, isInTrouble }) => ({ vmId, isInTrouble })),
  };
}
