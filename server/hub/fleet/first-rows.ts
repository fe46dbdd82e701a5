import type { FleetSnapshot, VmSummary } from "#lib/api/vm";
import { severityRank } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";

/** What a page is first drawn from: the rows that an operator looks at first, and how many of each verdict there are in all. Pure. */
export function firstRows({
  snapshot,
  rows,
  limit,
}: {
  snapshot: Omit<FleetSnapshot, "vms" | "counts">;
  rows: readonly VmSummary[];
  limit: number;
}): FleetSnapshot {
  const counts: Partial<Record<HealthKind, number>> = {};
  // Ended ones stay readable at their pages for a day and stand in no list.
  for (const row of rows) if (row.endedAtMs === undefined) counts[row.health.kind] = (counts[row.health.kind] ?? 0) + 1;
  const present = rows.filter((row) => row.endedAtMs === undefined);
  const first = present.toSorted(
    (left, right) =>
      severityRank(left.health.kind) - severityRank(right.health.kind) ||
      (left.health.kind === "healthy" ? 0 : left.health.sinceAtMs - right.health.sinceAtMs) ||
      NAMES.compare(left.name, right.name) ||
      (left.vmId < right.vmId ? -1 : 1),
  );
  return { ...snapshot, counts, vms: first.slice(0, limit) };
}

const NAMES = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
