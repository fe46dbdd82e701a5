import { rankSuspects } from "../diagnosis/rank-suspects.ts";
import type { FarSidePeers } from "../diagnosis/rank-suspects.ts";
import type { PlanRequest } from "../api/requests.ts";
import { isUnderMinimum } from "../qapi/yank-support.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import type { Suspicion } from "../diagnosis/suspicion.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { VmId } from "../vm/report.ts";
import { bindPlan, isVoidReason } from "./bindings.ts";
import { confirmationFor } from "./confirmation.ts";
import { yankEffect } from "./effects.ts";
import { cancelEffect, pauseEffect } from "./migration-effects.ts";
import { PLAN_LIFETIME_MS } from "./plan.ts";
import type { Action, Effect, Plan, PlannedInstance, PlanTarget } from "./plan.ts";
import { bindableOf } from "./plannable-vm.ts";
import type { PlannableVm } from "./plannable-vm.ts";
import { refuseInstance, refuseVm } from "./refusals.ts";
import type { PlanRefusal } from "./refusals.ts";
import { worstReversibility } from "./reversibility.ts";
import { softerOptions } from "./softer-options.ts";

export type PlanResult =
  | { ok: true; plan: Plan }
  /** The request contradicts itself; what it asks for cannot be told. */
  | { ok: false; code: "invalid-plan-request"; detail: string }
  /** Nothing of it is planned where one part cannot be: a plan that does half of what was asked surprises. */
  | { ok: false; code: "cannot-plan"; reasons: PlanRefusal[] };

export interface PlanContext {
  /** The VM as it is known now; undefined where there is none by that id. */
  find(vmId: VmId): PlannableVm | undefined;
  planId: string;
  /** Unix ms. */
  nowMs: number;
}

/** Works out what an act would do, without doing anything. Pure: the plan is the dry run. */
export function makePlan(request: PlanRequest, context: PlanContext): PlanResult {
  const contradiction = findContradiction(request);
  if (contradiction !== undefined) return { ok: false, code: "invalid-plan-request", detail: contradiction };
  const reasons: PlanRefusal[] = [];
  const planned: { vm: PlannableVm; target: PlanTarget }[] = [];
  for (const { vmId, instances = [] } of request.targets) {
    const vm = context.find(vmId);
    if (!vm) {
      reasons.push({ vmId, code: "unknown-vm", text: `There is no VM ${vmId} any more` });
      continue;
    }
    const target = planTarget(request.action, vm, instances);
    if (Array.isArray(target)) reasons.push(...target);
    else planned.push({ vm, target });
  }
  if (reasons.length > 0) return { ok: false, code: "cannot-plan", reasons };
  const targets = planned.map(({ target }) => target);
  const { title, verb } = nameAct(request.action, targets);
  return {
    ok: true,
    plan: {
      planId: context.planId,
      action: request.action,
      title,
      verb,
      targets,
      softer: softerOptions(
        request.action,
        planned.map(({ vm, target }) => ({ vm, instances: target.instances })),
      ),
      confirmation: confirmationFor(request.action, targets),
      ...(request.incidentId === undefined ? {} : { incidentId: request.incidentId }),
      createdAtMs: context.nowMs,
      expiresAtMs: context.nowMs + PLAN_LIFETIME_MS,
    },
  };
}

/** The exact QMP command, without its id. @see QEMU qapi/yank.json, qapi/migration.json */
function commandFor(action: Action, instances: readonly KnownYankInstance[], lane: "oob" | "in-band"): Record<string, unknown> {
  const verb = lane === "oob" ? "exec-oob" : "execute";
  switch (action) {
    case "yank":
      return { [verb]: "yank", arguments: { instances } };
    case "cancel-migration":
      return { [verb]: "migrate_cancel" };
    case "pause-postcopy":
      return { [verb]: "migrate-pause" };
  }
}

function findContradiction({ action, targets }: PlanRequest): string | undefined {
  const seen = new Set<VmId>();
  for (const { vmId, instances } of targets) {
    if (seen.has(vmId)) return `The VM ${vmId} is named twice`;
    seen.add(vmId);
    if (action === "yank" && instances === undefined) return "A yank names the instances to cut, each exactly as the VM lists it";
    if (action !== "yank" && instances !== undefined) return `${action} takes no instances: it acts on the VM's migration`;
    const keys = (instances ?? []).map(instanceKey);
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice !== undefined) return `${twice} is named twice`;
  }
  return undefined;
}

function planTarget(action: Action, vm: PlannableVm, instances: KnownYankInstance[]): PlanTarget | PlanRefusal[] {
  const { vmId, name, hasOob } = vm.report;
  const ofVm = refuseVm(vm, action);
  const suspicions = rankSuspects(vm.report, vm.peers ?? NO_PEERS);
  const planned = action === "yank" ? instances.map((instance) => planInstance(vm, instance, suspicions)) : [];
  const reasons = planned.filter(isRefusal);
  if (ofVm) reasons.unshift(ofVm);
  if (reasons.length > 0) return reasons;
  const kept = planned.filter((entry): entry is PlannedInstance => !isRefusal(entry));
  const isOnMigration = action !== "yank" || instances.some((instance) => instance.type === "migration");
  const bindings = bindPlan(bindableOf(vm), instances, isOnMigration);
  if (isVoidReason(bindings)) return [{ vmId, code: bindings.code, text: bindings.text }];
  const effects = action === "yank" ? kept.map((entry) => entry.effect) : [migrationActionEffect(action, vm)];
  // migrate_cancel has no out-of-band form; without OOB a yank goes in-band, which works while the main loop lives.
  const lane = action === "cancel-migration" || hasOob !== true ? "in-band" : "oob";
  return {
    vmId,
    vmName: name,
    host: vm.host,
    command: commandFor(action, instances, lane),
    lane,
    instances: kept,
    effects,
    reversibility: worstReversibility(effects.map((effect) => effect.reversibility)),
    warnings: warningsFor(action, vm, lane),
    bindings,
  };
}

const NO_PEERS: FarSidePeers = { troubledCount: () => 0 };

function planInstance(
  vm: PlannableVm,
  instance: KnownYankInstance,
  suspicions: ReadonlyMap<string, Suspicion>,
): PlannedInstance | PlanRefusal {
  const key = instanceKey(instance);
  const report = vm.report.instances.find((candidate) => instanceKey(candidate.instance) === key);
  if (!report) return { vmId: vm.report.vmId, key, code: "instance-gone", text: `${key} is not listed by ${vm.report.name}` };
  const refused = refuseInstance(vm, report);
  if (refused) return refused;
  return {
    instance,
    key,
    name: instanceName(instance),
    serves: report.serves,
    farSide: report.farSide,
    suspicion: suspicions.get(key),
    effect: yankEffect(instance, report, vm),
  };
}

function isRefusal(entry: PlannedInstance | PlanRefusal): entry is PlanRefusal {
  return "code" in entry;
}

function migrationActionEffect(action: "cancel-migration" | "pause-postcopy", vm: PlannableVm): Effect {
  return action === "cancel-migration" ? cancelEffect(vm) : pauseEffect();
}

function warningsFor(action: Action, vm: PlannableVm, lane: "oob" | "in-band"): string[] {
  const warnings: string[] = [];
  const { qemuVersion, health } = vm.report;
  if (action === "yank" && qemuVersion && isUnderMinimum(qemuVersion)) {
    warnings.push(`QEMU ${qemuVersion.major}.${qemuVersion.minor} can crash when a yank meets a reconnect; 7.1 and later do not`);
  }
  if (lane === "in-band" && action !== "cancel-migration") {
    warnings.push("This VM offers no out-of-band commands: the command waits for the main loop like any other");
  }
  if (action === "yank" && (health.verdict.kind === "healthy" || health.verdict.kind === "slow")) {
    warnings.push("Nothing is established against this VM: it answers");
  }
  return warnings;
}

function nameAct(action: Action, targets: readonly PlanTarget[]): { title: string; verb: string } {
  const only = targets.length === 1 ? targets[0] : undefined;
  const verb = verbFor(action, only);
  return { verb, title: `${verb} on ${only ? only.vmName : `${targets.length} VMs`}?` };
}

function verbFor(action: Action, only: PlanTarget | undefined): string {
  switch (action) {
    case "cancel-migration":
      return "Cancel migration";
    case "pause-postcopy":
      return "Pause postcopy";
    case "yank": {
      if (only === undefined) return "Yank";
      const first = only.instances.length === 1 ? only.instances[0] : undefined;
      return first ? `Yank ${first.name}` : `Yank ${only.instances.length} instances`;
    }
  }
}
