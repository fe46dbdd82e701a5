import { healthClass } from "../health/verdict.ts";
import type { HealthKind } from "../health/verdict.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import { instanceKey } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { MigrationReport } from "../vm/report.ts";
import { hasNothingToCut } from "./nothing-to-cut.ts";
import type { Bindings, VoidReason } from "./plan.ts";

/** What bindings are computed from; both the hub's and the bridge's picture of a VM fit it. */
export interface BindableVm {
  incarnationId: string;
  healthKind: HealthKind;
  instances: InstanceReport[];
  migration?: Pick<MigrationReport, "direction" | "startId" | "status">;
}

/** What was confirmed about one instance: what it serves and where it leads. */
function topologyDigest(report: InstanceReport): string {
  return [report.serves.kind, report.serves.owner ?? "", report.farSide?.key ?? "", String(report.isMonitor)].join("|");
}

/** Ends the digest where the plan says that nothing happens, because nothing is connected: that, too, is confirmed. */
const NOTHING_TO_CUT = "|nothing-to-cut";

/**
 * The bindings of a plan on this VM, or the reason why one of the named instances does not exist any more.
 * @param bindsMigration whether the act touches the migration, which has no identity of its own.
 */
export function bindPlan(vm: BindableVm, instances: KnownYankInstance[], bindsMigration: boolean): Bindings | VoidReason {
  const bound: Bindings["instances"] = [];
  for (const instance of instances) {
    const key = instanceKey(instance);
    const report = vm.instances.find((candidate) => instanceKey(candidate.instance) === key);
    if (!report) return { code: "instance-gone", text: `${key} is not listed by this VM any more` };
    bound.push({ key, topologyDigest: `${topologyDigest(report)}${hasNothingToCut(report) ? NOTHING_TO_CUT : ""}` });
  }
  return {
    incarnationId: vm.incarnationId,
    healthClass: healthClass(vm.healthKind),
    instances: bound,
    migration:
      bindsMigration && vm.migration
        ? { direction: vm.migration.direction, startId: vm.migration.startId, status: vm.migration.status }
        : undefined,
  };
}

export function isVoidReason(value: Bindings | VoidReason): value is VoidReason {
  return "code" in value;
}

/** The first binding that no longer holds, in words that say what was and what is; undefined while all hold. */
export function checkBindings(bindings: Bindings, vm: BindableVm): VoidReason | undefined {
  if (vm.incarnationId !== bindings.incarnationId) {
    return { code: "incarnation-changed", text: "another QEMU process answers at this address now" };
  }
  const isClass = healthClass(vm.healthKind);
  if (isClass !== bindings.healthClass) {
    return { code: "health-changed", text: `the verdict was ${bindings.healthClass} and is ${vm.healthKind} now` };
  }
  for (const bound of bindings.instances) {
    const report = vm.instances.find((candidate) => instanceKey(candidate.instance) === bound.key);
    if (!report) return { code: "instance-gone", text: `${bound.key} is not listed by this VM any more` };
    const digest = topologyDigest(report);
    // A connection that was there may end; one that was not may not appear, because the act would then cut it.
    const wasNothing = bound.topologyDigest === `${digest}${NOTHING_TO_CUT}`;
    if (wasNothing && !hasNothingToCut(report)) {
      const now = report.connection === "unknown" ? "that is no longer certain" : `is ${report.connection} now`;
      return { code: "topology-changed", text: `${bound.key} was not connected, so that nothing would be cut, and ${now}` };
    }
    if (!wasNothing && digest !== bound.topologyDigest) {
      return { code: "topology-changed", text: `what ${bound.key} serves or where it leads has changed` };
    }
  }
  if (bindings.migration) {
    const was = bindings.migration;
    const is = vm.migration;
    if (!is || is.startId !== was.startId || is.direction !== was.direction || is.status !== was.status) {
      const now = is ? `${is.direction} ${is.status}` : "not known";
      return { code: "migration-changed", text: `the migration was ${was.direction} ${was.status} and is ${now}` };
    }
  }
  return undefined;
}
