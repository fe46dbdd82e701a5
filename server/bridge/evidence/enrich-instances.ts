import type { InstanceReport } from "#lib/vm/instance";
import { CLUE_SOURCES } from "./clue-sources.ts";
import type { ClueContext, ClueSource } from "./clue-sources.ts";

/**
 * Adds to what the instances are what was measured of them: clues, sockets, and how their connections stand. The reports
 * themselves are kept and shared, so they are never changed. Of a VM that is well and at which nobody looks the same list
 * comes back, and costs nothing.
 */
export function enrichInstances(
  reports: InstanceReport[],
  context: ClueContext,
  sources: readonly ClueSource[] = CLUE_SOURCES,
): InstanceReport[] {
  if (isUnremarkable(context)) return reports;
  return reports.map((report) => enrich(report, context, sources));
}

function isUnremarkable({ known, health, inBandOpenAgeMs, thresholds }: ClueContext): boolean {
  return known.hostIfAny === undefined && health.verdict.kind === "healthy" && (inBandOpenAgeMs ?? 0) < thresholds.slowAfterMs;
}

function enrich(report: InstanceReport, context: ClueContext, sources: readonly ClueSource[]): InstanceReport {
  const sight = context.known.hostIfAny?.sight(report, context.nowMonoMs);
  const seen = sight === undefined ? report : { ...report, ...sight };
  const clues = sources.flatMap((source) => source(seen, context));
  return clues.length === 0 ? seen : { ...seen, clues };
}
