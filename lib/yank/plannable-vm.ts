import type { FarSidePeers } from "../diagnosis/rank-suspects.ts";
import type { Verdict } from "../health/verdict.ts";
import type { VmReport } from "../vm/report.ts";
import type { BindableVm } from "./bindings.ts";

/** What a plan is made from: a VM's newest report, and whether it is still known to be so. */
export interface PlannableVm {
  report: VmReport;
  bridgeId: string;
  /** The bridge's label. */
  host: string;
  /** No live link to its bridge: nothing can be sent, and nothing said is known to hold. */
  isLost: boolean;
  /** Others in trouble on the same far sides; absent: nobody looked. */
  peers?: FarSidePeers;
}

/** The verdict that holds now: what a lost bridge said does not. */
export function currentVerdict(vm: PlannableVm): Verdict {
  return vm.isLost ? { kind: "unknown", reason: "bridge-lost" } : vm.report.health.verdict;
}

export function bindableOf(vm: PlannableVm): BindableVm {
  const { report } = vm;
  return {
    incarnationId: report.incarnation.id,
    healthKind: currentVerdict(vm).kind,
    instances: report.instances,
    migration: report.migration,
  };
}

/** Whether in-band commands are answered. Where it is not known, they are not. */
export function doesMainLoopLive(vm: PlannableVm): boolean {
  const { kind } = currentVerdict(vm);
  switch (kind) {
    case "healthy":
    case "slow":
    case "io-stalled":
    case "migration-stalled":
    case "guest-stopped":
      return true;
    case "main-loop-hung":
    case "silent":
    case "unreachable":
    case "unknown":
    case "monitor-busy":
      return false;
  }
}

/** Whether QEMU has nothing of its own to send or receive this migration through: yank then does nothing. */
export function isOutOfYanksReach(uri: string | undefined): boolean {
  return uri !== undefined && /^(exec|file):/.test(uri);
}
