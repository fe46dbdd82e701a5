import type { HealthKind } from "../health/verdict.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import { instanceKey } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import type { Action } from "./plan.ts";

/** What was so right before the command was written; everything after it is measured against this. */
export interface ActBaseline {
  readonly action: Action;
  readonly instances: readonly KnownYankInstance[];
  readonly report: VmReport;
}

export function kindBefore(baseline: ActBaseline): HealthKind {
  return baseline.report.health.verdict.kind;
}

export function isHung(kind: HealthKind): boolean {
  return kind === "main-loop-hung" || kind === "silent";
}

/** Whether something was established against the VM that an act could end. */
export function isTroubleBefore(baseline: ActBaseline): boolean {
  switch (kindBefore(baseline)) {
    case "main-loop-hung":
    case "silent":
    case "io-stalled":
    case "migration-stalled":
    case "guest-stopped":
      return true;
    case "healthy":
    case "slow":
    case "unknown":
    case "unreachable":
    case "monitor-busy":
      return false;
  }
}

/** The reports of what the act names. */
export function namedReports(baseline: ActBaseline): InstanceReport[] {
  const keys = new Set(baseline.instances.map(instanceKey));
  return baseline.report.instances.filter((report) => keys.has(instanceKey(report.instance)));
}

/** Whether the act is on the migration, by its kind or by what it names. */
export function touchesMigration(baseline: ActBaseline): boolean {
  return baseline.action !== "yank" || baseline.instances.some((instance) => instance.type === "migration");
}
