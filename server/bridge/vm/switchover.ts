import type { KnownVm } from "./known-vm.ts";

/** A STOP this long before the silence may be the switchover that causes it. */
const STOP_BEFORE_MS = 2_000;
/** Bytes that moved within this move. */
const MOVES_WITHIN_MS = 2_500;

/** Whether the last pass of a migration, which holds the big lock, may be what in-band waits for since then. */
export function isSwitchover(known: KnownVm, silentSinceMonoMs: number): boolean {
  const migration = known.migrationIfAny;
  if (!migration?.isUnderWay && !known.hasMigrationInstance) return false;
  const isStopped = known.stoppedMonoMs !== undefined && known.stoppedMonoMs >= silentSinceMonoMs - STOP_BEFORE_MS;
  return migration?.isSwitchover === true || known.runState?.value === "finish-migrate" || isStopped;
}

/** By the counters of its connection, since QEMU tells nothing meanwhile; undefined where they cannot be read. */
export function isMigrationMoving(known: KnownVm, nowMonoMs: number): boolean | undefined {
  const movedAgeMs = known.hostIfAny?.movedAgeMs("migration", nowMonoMs);
  return movedAgeMs === undefined ? undefined : movedAgeMs < MOVES_WITHIN_MS;
}
