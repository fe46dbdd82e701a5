import type { QmpEvent } from "#lib/qapi/events";
import type { KnownVm } from "./known-vm.ts";

const RUN_STATE_EVENTS: ReadonlySet<string> = new Set([
  "STOP",
  "RESUME",
  "SHUTDOWN",
  "RESET",
  "SUSPEND",
  "WAKEUP",
  "GUEST_PANICKED",
  "WATCHDOG",
  "BLOCK_IO_ERROR",
  "COLO_EXIT",
]);
const TOPOLOGY_EVENTS: ReadonlySet<string> = new Set([
  "DEVICE_DELETED",
  "BLOCK_JOB_COMPLETED",
  "BLOCK_JOB_CANCELLED",
  "BLOCK_JOB_READY",
  "JOB_STATUS_CHANGE",
  "NETDEV_VHOST_USER_CONNECTED",
  "NETDEV_VHOST_USER_DISCONNECTED",
]);
const ENDED_JOB_STATUSES: ReadonlySet<string> = new Set(["concluded", "null", "aborting", "undefined"]);
const MAX_JOBS = 64;
const MAX_NETDEVS = 256;

/** Whether the run state may be another one after it. */
export function tellsOfRunState(name: string): boolean {
  return RUN_STATE_EVENTS.has(name);
}

/** Keeps what one event says of the VM by itself, without any reading. */
export function noteEvent(event: QmpEvent, known: KnownVm, nowMonoMs: number): void {
  const name = event.event;
  if (name === "SHUTDOWN") known.isShuttingDown = true;
  else if (name === "RESET" || name === "RESUME") known.isShuttingDown = false;
  if (name === "STOP") known.stoppedMonoMs = nowMonoMs;
  else if (name === "RESUME") known.stoppedMonoMs = undefined;
  if (name === "STOP" || name === "RESUME") known.cpuEvent = { name, monoMs: nowMonoMs };
  if (name === "JOB_STATUS_CHANGE") noteJob(event, known);
  if (name === "NETDEV_VHOST_USER_CONNECTED") noteNetdev(event, known);
  if (TOPOLOGY_EVENTS.has(name)) known.isTopologyStale = true;
}

function noteJob(event: QmpEvent, { runningJobs }: KnownVm): void {
  const { id, status } = event.data;
  if (typeof id !== "string" || typeof status !== "string") return;
  if (ENDED_JOB_STATUSES.has(status)) runningJobs.delete(id);
  else if (runningJobs.size < MAX_JOBS) runningJobs.add(id.slice(0, 256));
}

/** The one place where QEMU ties a chardev to a netdev. @see QEMU qapi/net.json, since 10.0 */
function noteNetdev(event: QmpEvent, known: KnownVm): void {
  const { "chardev-id": chardev, "netdev-id": netdev } = event.data;
  if (typeof chardev !== "string" || typeof netdev !== "string" || known.netdevChardevs.size >= MAX_NETDEVS) return;
  known.netdevChardevs = new Map(known.netdevChardevs).set(chardev.slice(0, 1_024), netdev.slice(0, 1_024));
}
