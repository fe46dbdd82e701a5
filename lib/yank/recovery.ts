import type { VmReport } from "../vm/report.ts";
import { standsUnder } from "../vm/stands-under.ts";
import type { RecoveredPart } from "./act.ts";
import { isHung, isTroubleBefore, kindBefore, namedReports, touchesMigration } from "./act-baseline.ts";
import type { ActBaseline } from "./act-baseline.ts";
import { migrationEvidence } from "./cut-evidence.ts";

/**
 * Whether the verdict of the plan is over. A guest that stopped as foretold is its aftermath, not its going on; of two
 * disks that stood still the one that was cut may end while the other does not.
 */
export function hasTroubleEnded(baseline: ActBaseline, report: VmReport): boolean {
  const is = report.health.verdict.kind;
  if (isHung(is) || is === "unknown" || is === "unreachable" || is === "monitor-busy") return false;
  if (!isTroubleBefore(baseline) || is !== kindBefore(baseline)) return true;
  if (is === "migration-stalled") return migrationEvidence(baseline, report) !== undefined;
  return is === "io-stalled" && hasCutIoEnded(baseline, report);
}

/** What came back, as far as readings show it. */
export function recoveredParts(baseline: ActBaseline, report: VmReport): RecoveredPart[] {
  const before = kindBefore(baseline);
  const parts: RecoveredPart[] = [];
  if (isHung(before)) parts.push("main-loop");
  if (before === "io-stalled" || hasCutIoCompleted(baseline, report)) parts.push("io");
  if (before === "migration-stalled" || (touchesMigration(baseline) && migrationEvidence(baseline, report) !== undefined))
    parts.push("migration");
  if (doesGuestRunAgain(baseline, report)) parts.push("guest");
  return parts;
}

/** The I/O that stood still ended in errors, and the guest is paused by them: its trouble has another name now. */
export function isPausedByErrors(baseline: ActBaseline, report: VmReport): boolean {
  const { verdict } = report.health;
  return kindBefore(baseline) === "io-stalled" && verdict.kind === "guest-stopped" && verdict.runState === "io-error";
}

function hasCutIoEnded(baseline: ActBaseline, { health: { verdict } }: VmReport): boolean {
  const was = baseline.report.health.verdict;
  if (was.kind !== "io-stalled" || verdict.kind !== "io-stalled") return false;
  const cut = namedReports(baseline);
  const mine = was.nodes.filter((node) => cut.some((instance) => standsUnder(instance, node, baseline.report)));
  return mine.length > 0 && mine.every((node) => !verdict.nodes.includes(node));
}

/** Requests of a disk on a cut node were known to stand still, and have ended since. */
function hasCutIoCompleted(baseline: ActBaseline, report: VmReport): boolean {
  const cut = namedReports(baseline);
  const waiting = (baseline.report.disks ?? []).filter(
    (disk) => (disk.outstandingCount ?? 0) > 0 && cut.some((instance) => standsUnder(instance, disk.device, baseline.report)),
  );
  return waiting.some((disk) => {
    const now = report.disks?.find(({ device }) => device === disk.device);
    return now !== undefined && now.completedCount > disk.completedCount;
  });
}

function doesGuestRunAgain(baseline: ActBaseline, { runState }: VmReport): boolean {
  const was = baseline.report.runState?.value;
  return runState?.value === "running" && !runState.isLastKnown && was !== undefined && was !== "running";
}
