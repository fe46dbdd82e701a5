import type { Action, Confirmation, PlanTarget } from "./plan.ts";

/** Typed instead of a name where a plan has several targets, so that nobody types one name for all. */
function severalName(count: number): string {
  return `${count} VMs`;
}

/**
 * What confirming takes: one click where everything that is cut comes back by itself or nothing is lost, the VM's name
 * where not, and where the guest's state is at stake on two hosts a sentence to acknowledge as well.
 */
export function confirmationFor(action: Action, targets: readonly PlanTarget[]): Confirmation {
  if (targets.every((target) => isClickEnough(action, target))) return { kind: "click" };
  const only = targets.length === 1 ? targets[0] : undefined;
  const acknowledge = targets.flatMap((target) => target.effects).find((effect) => effect.acknowledge !== undefined)?.acknowledge;
  return {
    kind: "type-name",
    name: only ? only.vmName : severalName(targets.length),
    ...(acknowledge === undefined ? {} : { acknowledge }),
  };
}

/** Whether what was typed is what the plan asks for. Spaces around it do not count. */
export function isConfirmed(confirmation: Confirmation, typedName: string | undefined): boolean {
  return confirmation.kind === "click" || typedName?.trim() === confirmation.name.trim();
}

/** Whether what the plan asks to be acknowledged was. */
export function isAcknowledged(confirmation: Confirmation, acknowledged: boolean | undefined): boolean {
  return confirmation.kind === "click" || confirmation.acknowledge === undefined || acknowledged === true;
}

function isClickEnough(action: Action, target: PlanTarget): boolean {
  switch (target.reversibility) {
    case "nothing":
    case "comes-back":
      return true;
    case "ends":
      // A cancelled migration leaves the guest where it is; a yanked one fails, which is not the same to those who wait for it.
      return action === "cancel-migration";
    case "stays-down":
    case "one-way":
    case "loses-state":
    case "unknown":
      return false;
  }
}
