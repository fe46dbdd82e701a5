import { assertNever } from "../assert-never.ts";
import type { SilentReason } from "../health/verdict.ts";
import { isCancellableMigration, isPausablePostcopy, isPostcopy } from "../qapi/migration.ts";
import type { InstanceReport } from "../vm/instance.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { Action } from "./plan.ts";
import { currentVerdict, doesMainLoopLive } from "./plannable-vm.ts";
import type { PlannableVm } from "./plannable-vm.ts";

/** Why something cannot be planned. `code` is stable; `text` says what is in the way and what helps instead. */
export interface PlanRefusal {
  vmId: string;
  /** Set where one instance is the reason. */
  key?: string;
  code: string;
  text: string;
}

/** Why nothing can be sent to this VM, whatever it is; undefined where something can. */
export function refuseVm(vm: PlannableVm, action: Action): PlanRefusal | undefined {
  const { vmId, name, hasOob } = vm.report;
  const refuse = (code: string, text: string): PlanRefusal => ({ vmId, code, text });
  const verdict = currentVerdict(vm);
  switch (verdict.kind) {
    case "unknown":
      if (verdict.reason === "bridge-lost") return refuse("bridge-lost", `${vm.host} cannot be reached: its bridge is not connected`);
      return refuse("vm-unknown", `${name} was not asked lately, so nobody knows what a yank would meet`);
    case "unreachable":
      return refuse("vm-unreachable", `${name} has no open monitor session (${verdict.reason})`);
    case "monitor-busy":
      return refuse("monitor-busy", `Another program holds the monitor of ${name}`);
    case "silent":
      return refuse(`silent-${verdict.reason}`, silentText(vm, verdict.reason));
    case "main-loop-hung":
      if (verdict.cord === "out-of-reach") {
        return refuse(
          "out-of-reach",
          `${name} hung before Ripcord could negotiate out-of-band, and QEMU cannot be asked for it during a hang`,
        );
      }
      if (hasOob !== true) return refuse("no-oob", `${name} offers no out-of-band commands, and in-band ones wait behind the hang`);
      break;
    case "slow":
    case "migration-stalled":
    case "io-stalled":
    case "guest-stopped":
    case "healthy":
      break;
    default:
      return assertNever(verdict);
  }
  return action === "yank" ? undefined : refuseMigrationAction(vm, action);
}

/** Why this instance is not yanked from here; undefined where it may be. */
export function refuseInstance(vm: PlannableVm, report: InstanceReport): PlanRefusal | undefined {
  if (report.isMonitor === true && report.yankable === true) {
    return refusal(
      vm,
      report,
      "is-monitor",
      `${instanceName(report.instance)} is a monitor: cutting it takes the VM away from whoever manages it`,
    );
  }
  if (report.isMonitor === "possible" && report.yankable === true) {
    return refusal(vm, report, "possible-monitor", `${instanceName(report.instance)} may be a monitor, and a monitor is never yanked`);
  }
  return report.yankable === true ? undefined : refusal(vm, report, report.yankable.code, report.yankable.text);
}

function refusal(vm: PlannableVm, report: InstanceReport, code: string, text: string): PlanRefusal {
  return { vmId: vm.report.vmId, key: instanceKey(report.instance), code, text };
}

function silentText(vm: PlannableVm, reason: SilentReason): string {
  const { name, incarnation } = vm.report;
  const pid = incarnation.pid === undefined ? "its process" : `pid ${incarnation.pid}`;
  switch (reason) {
    case "stopped":
      return `Nothing to yank: the process of ${name} is stopped; continue ${pid}`;
    case "uninterruptible":
      return `Nothing to yank: ${pid} waits inside the kernel, where no command reaches it; heal the storage it waits for`;
    case "frozen":
      return `Nothing to yank: the cgroup of ${name} is frozen; thaw it and ${pid} goes on`;
    case "zombie":
      return `Nothing to yank: ${pid} has exited and was not collected; its VM is over`;
    case "no-oob":
      return `${name} answers nothing and offers no out-of-band commands: nothing that is sent would be read`;
    case "unknown":
      return `${name} answers neither in-band nor out-of-band: a yank would not be read`;
  }
}

function refuseMigrationAction(vm: PlannableVm, action: "cancel-migration" | "pause-postcopy"): PlanRefusal | undefined {
  const { vmId, name, migration, hasOob } = vm.report;
  const refuse = (code: string, text: string): PlanRefusal => ({ vmId, code, text });
  if (migration === undefined || migration.status === "none") return refuse("no-migration", `${name} has no migration`);
  if (action === "pause-postcopy") {
    if (!isPausablePostcopy(migration.status, vm.report.qemuVersion)) {
      return refuse("migration-status", `Only a running postcopy can be paused; this migration is ${migration.status}`);
    }
    if (hasOob !== true && !doesMainLoopLive(vm))
      return refuse("no-oob", `${name} offers no out-of-band commands, and in-band ones wait behind the hang`);
    return undefined;
  }
  if (migration.direction !== "outgoing")
    return refuse("migration-direction", `Only the source cancels a migration; ${name} is not known to be one`);
  if (isPostcopy(migration.status) || migration.status === "colo") {
    return refuse(
      "migration-status",
      `A migration that is ${migration.status} is never cancelled from here: before QEMU 10 that loses the guest`,
    );
  }
  if (!isCancellableMigration(migration.status))
    return refuse("migration-status", `A migration that is ${migration.status} cannot be cancelled`);
  if (migration.uri?.startsWith("exec:")) {
    return refuse(
      "migration-exec",
      "Cancelling an exec: migration can hang QEMU's main loop for good: end the process it started on the host instead",
    );
  }
  if (doesMainLoopLive(vm)) return undefined;
  return refuse("main-loop-hung", `migrate_cancel is an in-band command, and the main loop of ${name} does not answer`);
}
