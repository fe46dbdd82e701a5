import type { VmCondition } from "./condition.ts";
import type { Draft } from "./draft.ts";
import type { LeadIndex } from "./lead-index.ts";
import type { Lead } from "./leads.ts";

export interface LeadContext {
  /** The incident that the VM is in. */
  current?: Draft;
  index: LeadIndex;
  /** Whether an incident of this cause has members in trouble. */
  isOpenCause(lead: Lead): boolean;
}

/** The lead to go by: one that stands by itself, else one that others in trouble have as well. Undefined: the VM is alone. */
export function chooseLead(vm: VmCondition, { current, index, isOpenCause }: LeadContext): Lead | undefined {
  const alone = vm.leads.find((lead) => lead.weight === "alone");
  const own = current && vm.leads.find((lead) => lead.key === current.cause.key);
  if (alone && (!own || own.weight === "alone")) return own ?? alone;
  const common = vm.leads.filter((lead) => lead.weight !== "alone" && (index.hasOthers(lead, vm) || isOpenCause(lead)));
  const paired = common.find((lead) => lead.weight === "paired");
  if (paired ?? own) return paired ?? own;
  // Of several that are shared, the one that most share; `leads` has the best first.
  return common.toSorted((left, right) => index.count(right.key) - index.count(left.key))[0];
}

/** Whether a VM leaves its incident for this lead: a cause of its own gives way to any, a common one only to proof. */
export function isBetterLead(lead: Lead, vm: VmCondition, current: Draft): boolean {
  if (current.cause.kind === "vm") return true;
  const isHeldHere = vm.leads.some((other) => other.key === current.cause.key) || current.cause.kind === "migration";
  return lead.weight === "alone" && !isHeldHere;
}
