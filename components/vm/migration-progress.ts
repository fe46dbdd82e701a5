import type { MigrationReport } from "#lib/vm/report";

/** How far a migration has come, 0 to 1; undefined where QEMU did not tell. */
export function migrationFraction(
  migration: Pick<MigrationReport, "transferredBytes" | "remainingBytes" | "totalBytes">,
): number | undefined {
  const { transferredBytes, remainingBytes, totalBytes } = migration;
  if (!totalBytes) return undefined;
  // What is left against the whole of guest memory: what was sent counts pages that went twice.
  const fraction =
    remainingBytes !== undefined
      ? 1 - remainingBytes / totalBytes
      : transferredBytes !== undefined
        ? transferredBytes / totalBytes
        : undefined;
  return fraction === undefined ? undefined : Math.min(1, Math.max(0, fraction));
}
