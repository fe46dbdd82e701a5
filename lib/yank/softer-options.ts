import { healthClass } from "../health/verdict.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { Action, PlannedInstance, SofterOption } from "./plan.ts";
import { doesMainLoopLive } from "./plannable-vm.ts";
import type { PlannableVm } from "./plannable-vm.ts";
import { refuseVm } from "./refusals.ts";

/** What is less final and may help, in the order in which to try it; said once, also where it holds for several targets. */
export function softerOptions(
  action: Action,
  targets: readonly { vm: PlannableVm; instances: readonly PlannedInstance[] }[],
): SofterOption[] {
  const options = targets.flatMap(({ vm, instances }) => optionsFor(action, vm, instances));
  return options.filter(
    (option, index) => options.findIndex((other) => other.code === option.code && other.text === option.text) === index,
  );
}

function optionsFor(action: Action, vm: PlannableVm, instances: readonly PlannedInstance[]): SofterOption[] {
  const options: SofterOption[] = [];
  const { mayStillFinish } = vm.report.health;
  if (mayStillFinish !== undefined) options.push({ code: "wait", text: `Wait: ${mayStillFinish}` });
  if (action !== "yank") return options;
  for (const planned of instances) options.push(...optionsForInstance(vm, planned));
  return options;
}

function optionsForInstance(vm: PlannableVm, planned: PlannedInstance): SofterOption[] {
  const name = instanceName(planned.instance);
  const far = planned.farSide?.text ?? "its far side";
  const isWaiting = planned.effect.reversibility === "nothing";
  // Where nothing is wrong there is nothing to heal, except a far side that is away.
  const isWell = healthClass(vm.report.health.verdict.kind) === "healthy";
  switch (planned.instance.type) {
    case "migration":
      return cancelFirst(vm);
    case "block-node":
      return isWaiting ? whileConnecting(vm, planned, far) : isWell ? [] : [heal(far, "what waits then completes, and nothing is lost")];
    case "chardev":
      return isWell || isWaiting ? [] : [{ code: "heal-far-side", text: `Let ${far} read again: ${name} then goes on without a cut` }];
  }
}

function heal(far: string, then: string): SofterOption {
  return { code: "heal-far-side", text: `Bring ${far} back: ${then}` };
}

/** A node without a connection: one that tries again is waited for, one that has given up never comes back by itself. */
function whileConnecting(vm: PlannableVm, { key, name }: PlannedInstance, far: string): SofterOption[] {
  const report = vm.report.instances.find((candidate) => instanceKey(candidate.instance) === key);
  const option = heal(far, `${name} then connects again by itself`);
  switch (report?.connection) {
    case "reconnecting": {
      const most = report.waitLeftMs === undefined ? "" : ` at most ${Math.ceil(report.waitLeftMs / 1_000)} s`;
      return [{ code: "wait", text: `Wait${most}: ${name} connects again, or its requests fail when its reconnect-delay is over` }, option];
    }
    case "connecting":
      return [option];
    default:
      return [];
  }
}

function cancelFirst(vm: PlannableVm): SofterOption[] {
  if (!doesMainLoopLive(vm) || refuseVm(vm, "cancel-migration") !== undefined) return [];
  return [
    { code: "cancel-migration", text: "Cancel the migration: it ends orderly, and the guest goes on here", action: "cancel-migration" },
  ];
}
