import { assertNever } from "../assert-never.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import type { InstanceReport } from "../vm/instance.ts";
import { blockNodeEffect } from "./block-node-effects.ts";
import { chardevEffect } from "./chardev-effects.ts";
import { migrationYankEffect } from "./migration-effects.ts";
import type { Effect } from "./plan.ts";
import type { PlannableVm } from "./plannable-vm.ts";

/**
 * What yanking one instance does and whether it comes back. Sentences end with a full stop and name what is cut.
 * @see facts sheet 1 (what can be yanked, and when it does nothing), 6.3 and 10
 */
export function yankEffect(instance: KnownYankInstance, report: InstanceReport, vm: PlannableVm): Effect {
  switch (instance.type) {
    case "block-node":
      return blockNodeEffect(report);
    case "chardev":
      return chardevEffect(report);
    case "migration":
      return migrationYankEffect(vm);
    default:
      return assertNever(instance);
  }
}
