import { instanceName } from "../vm/instance.ts";
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
  switch (planned.instance.type) {
    case "migration":
      return cancelFirst(vm);
    case "block-node": {
      const isWaiting = planned.effect.reversibility === "nothing";
      return [
        {
          code: "heal-far-side",
          text: `Bring ${far} back: ${isWaiting ? `${name} then connects again by itself` : "what waits then completes, and nothing is lost"}`,
        },
      ];
    }
    case "chardev":
      return planned.effect.reversibility === "nothing"
        ? []
        : [{ code: "heal-far-side", text: `Let ${far} read again: ${name} then goes on without a cut` }];
  }
}

function cancelFirst(vm: PlannableVm): SofterOption[] {
  if (!doesMainLoopLive(vm) || refuseVm(vm, "cancel-migration") !== undefined) return [];
  return [
    { code: "cancel-migration", text: "Cancel the migration: it ends orderly, and the guest goes on here", action: "cancel-migration" },
  ];
}
