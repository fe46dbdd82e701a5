import type { InstanceView, VmDetail } from "../api/vm.ts";
import type { MemberCord } from "../api/incident.ts";
import { isKnownYankInstance } from "../qapi/yank-instance.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import { hasNothingToCut } from "../yank/nothing-to-cut.ts";
import type { PlannableVm } from "../yank/plannable-vm.ts";
import { refuseInstance, refuseVm } from "../yank/refusals.ts";
import type { IncidentCause, IncidentMember } from "./incident.ts";
import { serverOf } from "./leads.ts";

export interface CordContext {
  cause: IncidentCause;
  /** Undefined where the VM is not there any more. */
  vm?: PlannableVm;
  view?: Pick<VmDetail, "instances" | "helps" | "actInProgress">;
}

/** What a plan from the incident would name of one member: its suspects that may be yanked, or why there is none. Pure. */
export function cordOf(member: IncidentMember, { cause, vm, view }: CordContext): MemberCord {
  const { vmId, name } = member;
  const no = (whyNot: string): MemberCord => ({ vmId, instances: [], whyNot });
  if (member.movedToId !== undefined) return no("it belongs to another incident");
  if (member.endedAtMs !== undefined || !vm || !view) return no("it is not there any more");
  const refusal = refuseVm(vm, "yank");
  const help = view.helps.find(({ code }) => code !== "yank");
  const instead = help === undefined ? "" : `; ${help.text}`;
  if (refusal) return no(`${refusal.text}${refusal.text.includes(help?.text ?? "\n") ? "" : instead}`);
  if (!member.isInTrouble) return no(`${name} is not in trouble any more`);
  if (view.actInProgress) return no(`${view.actInProgress.who} is acting on it`);
  const suspects = suspectsOf(view.instances, cause);
  if (suspects.length === 0) return no(`nothing points at one of its connections: see its page${instead}`);
  const instances: MemberCord["instances"] = [];
  const reasons: string[] = [];
  for (const suspect of suspects) {
    const { instance, suspicion } = suspect;
    const report = vm.report.instances.find((other) => instanceKey(other.instance) === instanceKey(instance));
    const refused = report && refuseInstance(vm, report);
    if (refused || !isKnownYankInstance(instance))
      reasons.push(refused?.text ?? `${instanceName(instance)} is of a kind that Ripcord does not know`);
    else if (hasNothingToCut(suspect)) reasons.push(`${instanceName(instance)} has no connection that a yank could cut`);
    else {
      const reason = suspicion.reasons[0] ?? "";
      instances.push({ instance, key: instanceKey(instance), name: instanceName(instance), score: suspicion.score, reason });
    }
  }
  return instances.length > 0 ? { vmId, instances } : no(`${reasons.join("; ")}${instead}`);
}

/** Those that stand out; else those that lead to what the incident is about. What only might be is for a person to choose. */
function suspectsOf(instances: readonly InstanceView[], cause: IncidentCause): InstanceView[] {
  for (const score of ["almost-certainly", "likely"] as const) {
    const found = instances.filter((instance) => instance.isMonitor !== true && instance.suspicion.score === score);
    if (found.length > 0) return found;
  }
  return instances.filter((instance) => {
    if (instance.isMonitor === true || instance.suspicion.score === "not-involved") return false;
    if (cause.kind === "migration") return instance.instance.type === "migration";
    return cause.kind === "far-side" && serverOf(instance)?.key === cause.key;
  });
}
