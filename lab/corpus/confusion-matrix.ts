import type { HealthKind } from "#lib/health/verdict";
import { HEALTH_KINDS, isTrouble } from "#lib/health/verdict";
import type { CaseResult } from "./judge-trail.ts";

/** Rows: what is true. Columns: what was shown. */
export function confusionMatrix(results: readonly CaseResult[]): string {
  const rows = [...new Set(results.map(({ truth }) => truth))].toSorted();
  const columns = HEALTH_KINDS.filter((kind) => results.some(({ shown }) => shown === kind));
  const width = Math.max(4, ...rows.map((row) => row.length));
  const head = `${"true".padEnd(width)}  ${columns.map((kind) => kind.padStart(cellWidth(kind))).join("  ")}`;
  const lines = rows.map((row) => {
    const cells = columns.map((kind) => {
      const count = results.filter(({ truth, shown }) => truth === row && shown === kind).length;
      return (count === 0 ? "." : String(count)).padStart(cellWidth(kind));
    });
    return `${row.padEnd(width)}  ${cells.join("  ")}`;
  });
  return [head, ...lines].join("\n");
}

/** The sums below the matrix. */
export function summarise(results: readonly CaseResult[]): string[] {
  const asked = results.filter(({ isSuspectRight }) => isSuspectRight !== undefined);
  const named = asked.filter(({ isSuspectRight }) => isSuspectRight).length;
  const troubleShownWell = results.filter(({ truth, shown }) => truth !== "well" && !isTrouble(shown) && truth !== shown).length;
  const wellShownTrouble = results.filter(({ truth, shown }) => truth === "well" && isTrouble(shown)).length;
  const right = results.filter(({ wrong }) => wrong.length === 0).length;
  return [
    `${right} of ${results.length} cases right`,
    `first suspect right in ${named} of ${asked.length}`,
    `trouble shown as well: ${troubleShownWell}; well shown as trouble: ${wellShownTrouble}`,
  ];
}

function cellWidth(kind: HealthKind): number {
  return kind.length;
}
