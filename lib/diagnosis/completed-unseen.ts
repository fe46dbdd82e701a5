import type { VmReport } from "../vm/report.ts";

/** What fits into the buffers of two sockets, so that a source can write it all to a far side that reads nothing. */
const FITS_INTO_BUFFERS_BYTES = 16 * 1024 * 1024;
const NO_UUID = "00000000-0000-0000-0000-000000000000";

/**
 * Whether an outgoing migration reads `completed` though nobody saw its guest run anywhere else: a small one is written
 * into the sockets' buffers as a whole, and reads so while its destination stands still. In words for people; undefined
 * where there is nothing to say. Pure.
 * @param others every other VM that is known, of every bridge, those that have ended too.
 */
export function completedUnseen(report: VmReport, others: readonly VmReport[]): string | undefined {
  const { migration, runState } = report;
  if (migration?.direction !== "outgoing" || migration.status !== "completed") return undefined;
  // The guest goes on here: it was taken back, or cloned.
  if (runState?.value === "running") return undefined;
  const bytes = migration.transferredBytes;
  if (bytes !== undefined && bytes > FITS_INTO_BUFFERS_BYTES) return undefined;
  if (others.some((other) => other.vmId !== report.vmId && isSameGuest(report, other) && hasRun(other))) return undefined;
  const small = bytes === undefined ? "" : ` after ${bytes.toLocaleString("en-GB")} bytes, which fit into the sockets' buffers`;
  return `the migration reads completed${small}, and no destination of ${report.name} was seen running where Ripcord looks: make sure that it runs before this process is ended`;
}

function isSameGuest(one: VmReport, other: VmReport): boolean {
  const uuids = [one.uuid, other.uuid].map((uuid) => (uuid === NO_UUID ? undefined : uuid));
  return uuids[0] !== undefined && uuids[1] !== undefined ? uuids[0] === uuids[1] : one.name === other.name;
}

/** It is over its incoming migration: QEMU starts, or would start, the guest there. */
function hasRun({ runState, migration }: VmReport): boolean {
  if (runState?.value === "inmigrate" || runState?.value === "prelaunch") return false;
  if (migration?.direction === "incoming") return migration.status === "completed" || migration.status.startsWith("postcopy");
  return runState?.value === "running";
}
