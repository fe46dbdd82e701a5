/** @see QEMU qapi/migration.json, MigrationStatus (6.0 to 11.1). */
export const MIGRATION_STATUSES = [
  "none",
  "setup",
  "cancelling",
  "cancelled",
  "active",
  "postcopy-active",
  "postcopy-device",
  "postcopy-paused",
  "postcopy-recover-setup",
  "postcopy-recover",
  "completed",
  "failing",
  "failed",
  "colo",
  "pre-switchover",
  "device",
  "wait-unplug",
] as const;

/** An open enum: a value that a newer QEMU invents is kept and shown as it came. */
export type MigrationStatus = (typeof MIGRATION_STATUSES)[number] | (string & {});

const TERMINAL: ReadonlySet<string> = new Set(["none", "completed", "failed", "cancelled"]);
const POSTCOPY: ReadonlySet<string> = new Set([
  "postcopy-active",
  "postcopy-device",
  "postcopy-paused",
  "postcopy-recover-setup",
  "postcopy-recover",
]);
const CANCELLABLE: ReadonlySet<string> = new Set(["setup", "active", "pre-switchover", "device", "wait-unplug"]);

/** Whether nothing is under way any more on this side. An unknown status counts as under way. */
export function isTerminalMigration(status: MigrationStatus): boolean {
  return TERMINAL.has(status);
}

/** Guest state is split between two hosts: cancelling loses the guest before QEMU 10, restarting the source always. */
export function isPostcopy(status: MigrationStatus): boolean {
  return POSTCOPY.has(status);
}

/**
 * The statuses in which `migrate-pause` is taken: a running postcopy, and from 8.2 on also one that is being recovered. It
 * is an error in all others. A version that was not read is taken for an old one.
 * @see QEMU migration/migration.c, qmp_migrate_pause and migration_postcopy_is_alive
 */
export function isPausablePostcopy(status: MigrationStatus, version: { major: number; minor: number } | undefined): boolean {
  if (status === "postcopy-active") return true;
  const isNewEnough = version !== undefined && (version.major > 8 || (version.major === 8 && version.minor >= 2));
  return status === "postcopy-recover" && isNewEnough;
}

/** The statuses in which `migrate_cancel` is safe on every version (facts sheet 6.3). */
export function isCancellableMigration(status: MigrationStatus): boolean {
  return CANCELLABLE.has(status);
}
