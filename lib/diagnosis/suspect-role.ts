import { assertNever } from "../assert-never.ts";
import type { SilentReason } from "../health/verdict.ts";
import { isTerminalMigration } from "../qapi/migration.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { ProcessReport } from "../vm/process.ts";
import type { VmReport } from "../vm/report.ts";
import { standsUnder } from "../vm/stands-under.ts";
import type { ClueCode } from "./clue.ts";
import type { ClueFamily } from "./weigh-clue.ts";

/** A fact that the verdict or the process holds about an instance, apart from its own clues. */
export interface RoleFact {
  says: "strong" | "supporting" | "against";
  family: ClueFamily;
  text: string;
}

/**
 * What the verdict lets an instance be.
 * - `may-hold`: it is of the kind that can cause this verdict.
 * - `only-if`: only such a clue, or a strong fact, shows that it does; without one all others are no more than supporting.
 * - `cannot-hold`: whatever is measured on it, it does not cause this verdict.
 * - `not-judged`: nothing is known of the VM that could be held against anything.
 */
export type SuspectRole =
  | { role: "may-hold"; facts: RoleFact[] }
  | { role: "only-if"; shownBy: readonly ClueCode[]; facts: RoleFact[] }
  | { role: "cannot-hold"; why: string }
  | { role: "not-judged"; why: string };

/** Pure: what this instance can be to the VM's verdict, before its own clues are weighed. */
export function suspectRole(instance: InstanceReport, report: VmReport): SuspectRole {
  if (instance.isMonitor === true) return cannotHold("a monitor holds nothing, and is never cut");
  const { verdict } = report.health;
  switch (verdict.kind) {
    case "main-loop-hung":
    case "slow":
      return heldMainLoop(instance, report);
    case "silent":
      return ofSilent(verdict.reason, instance, report);
    case "io-stalled":
      return stalledIo(instance, report, verdict.nodes);
    case "migration-stalled":
      return stalledMigration(instance);
    case "guest-stopped":
      return verdict.runState === "io-error" ? failedIo(instance) : cannotHold(`the guest stopped by itself (${verdict.runState})`);
    case "unreachable":
    case "unknown":
    case "monitor-busy":
      return { role: "not-judged", why: "nothing is known of this VM now" };
    case "healthy":
      return { role: "may-hold", facts: [] };
    default:
      return assertNever(verdict);
  }
}

function ofSilent(reason: SilentReason, instance: InstanceReport, report: VmReport): SuspectRole {
  switch (reason) {
    case "stopped":
      return cannotHold("the process is stopped: no connection holds it");
    case "frozen":
      return cannotHold("the process is frozen by its cgroup: no connection holds it");
    case "uninterruptible":
      return cannotHold("the process waits inside the kernel, and no connection of its own holds it there");
    case "zombie":
      return cannotHold("the process has exited");
    case "no-oob":
    case "unknown":
      return heldMainLoop(instance, report);
    default:
      return assertNever(reason);
  }
}

function cannotHold(why: string): SuspectRole {
  return { role: "cannot-hold", why };
}

function heldMainLoop(instance: InstanceReport, report: VmReport): SuspectRole {
  switch (instance.instance.type) {
    case "block-node":
      return { role: "may-hold", facts: [] };
    case "chardev":
      return chardevInHang(instance, report.process);
    case "migration":
      return migrationInHang(report);
    default:
      return { role: "may-hold", facts: [] };
  }
}

/** QEMU's main thread reads the replies of these itself and waits for them. */
function waitsInMainThread({ serves }: InstanceReport): boolean {
  return serves.kind === "vhost-user" || serves.kind === "tpm";
}

/**
 * A chardev holds the main loop through a vCPU that waits in a write to it with the big lock held; the kernel shows both
 * ends of that. @see facts sheet 7.3
 */
function chardevInHang(instance: InstanceReport, process: ProcessReport | undefined): SuspectRole {
  if (waitsInMainThread(instance)) return { role: "may-hold", facts: [] };
  const facts: RoleFact[] = isAnyVcpuInWrite(process) === false ? [NO_WRITER] : [];
  return { role: "only-if", shownBy: ["vcpu-in-write"], facts };
}

const NO_WRITER: RoleFact = {
  says: "against",
  family: "lock",
  text: "no vCPU waits in a write to a chardev: the main thread does not wait for the big lock",
};

/** Undefined where the threads were not read, or do not tell. */
function isAnyVcpuInWrite(process: ProcessReport | undefined): boolean | undefined {
  const main = process?.threads.find((thread) => thread.role === "main");
  if (main?.syscall === undefined || !process?.threads.some((thread) => thread.role === "vcpu")) return undefined;
  if (main.syscall === "futex") return true;
  return main.syscall === "ppoll" || main.syscall === "poll" ? false : undefined;
}

function migrationInHang({ migration, process }: VmReport): SuspectRole {
  if (migration && isTerminalMigration(migration.status)) return cannotHold(`the migration is over (${migration.status})`);
  const main = process?.threads.find((thread) => thread.role === "main");
  const child = process?.children?.[0];
  const facts: RoleFact[] = [];
  // Cancelling an exec: migration waits for its child in the main loop. QEMU io/channel-command.c
  if (child && (main?.syscall === "wait4" || main?.syscall === "waitid")) {
    const text = `the main thread waits for its child pid ${child.pid} (${child.name}), which the migration started`;
    facts.push({ says: "strong", family: "migration", text });
  }
  return { role: "only-if", shownBy: ["switchover"], facts };
}

function stalledIo(instance: InstanceReport, report: VmReport, nodes: readonly string[]): SuspectRole {
  if (instance.instance.type !== "block-node") return cannotHold("the main loop runs, and what stands still is disk I/O");
  const stalled = nodes.find((node) => standsUnder(instance, node, report));
  if (stalled !== undefined && isThrottled(instance)) {
    const text = `the I/O that stands still is that of ${stalled}, which stands on it, and a throttle between them may hold it as well`;
    return { role: "only-if", shownBy: SHOWN_BY_ITS_CONNECTION, facts: [{ says: "supporting", family: "queue", text }] };
  }
  if (stalled !== undefined) {
    const text = `the I/O that stands still is that of ${stalled}, which stands on it`;
    return { role: "may-hold", facts: [{ says: "strong", family: "queue", text }] };
  }
  if (nodes.length === 0 || mayStandUnderAny(instance)) return { role: "may-hold", facts: [] };
  return { role: "may-hold", facts: [{ says: "against", family: "queue", text: "nothing that stands still is known to stand on it" }] };
}

const SHOWN_BY_ITS_CONNECTION: readonly ClueCode[] = ["sent-unanswered", "unsent-bytes", "unread-at-peer", "being-connected"];

/** Whether a throttle stands between the node and the guest: what waits there never came to the node. */
export function isThrottled({ serves }: Pick<InstanceReport, "serves">): boolean {
  return serves.throughDrivers?.includes("throttle") === true;
}

/** A job or a replication can hold the writes of a disk that does not stand on its node. */
function mayStandUnderAny({ serves }: InstanceReport): boolean {
  return serves.kind === "unknown" || serves.kind === "job-target" || serves.kind === "job-source" || serves.kind === "replication";
}

function stalledMigration(instance: InstanceReport): SuspectRole {
  switch (instance.instance.type) {
    case "migration":
      return { role: "may-hold", facts: [{ says: "strong", family: "migration", text: "its byte counter stands still" }] };
    case "block-node":
      return { role: "only-if", shownBy: ["work-outstanding"], facts: [] };
    default:
      return cannotHold("the main loop runs, and what stands still is the migration");
  }
}

function failedIo(instance: InstanceReport): SuspectRole {
  if (instance.instance.type !== "block-node") return cannotHold("the guest was stopped by an I/O error of a disk");
  const isGone = instance.connection === "given-up" || instance.connection === "disconnected";
  const text = "its connection is gone, so that its requests fail";
  return { role: "may-hold", facts: isGone ? [{ says: "strong", family: "connection", text }] : [] };
}
