/** How many tests of a group ended how; a check (formatting, types, …) counts as one test. */
export interface Counts {
  passed: number;
  failed: number;
  /** Skipped by the suite itself; shown, and in neither of the two sums. */
  skipped: number;
}

/** What became of one group of checks or tests. */
export type Outcome =
  | { kind: "ran"; counts: Counts }
  /** Something that it needs is missing on this machine, as a reason that stands after "not run: ". */
  | { kind: "not-run"; reason: string };

export const PASSED: Outcome = { kind: "ran", counts: { passed: 1, failed: 0, skipped: 0 } };
export const FAILED: Outcome = { kind: "ran", counts: { passed: 0, failed: 1, skipped: 0 } };

/**
 * Adds the groups up. What did not run counts as a failure only where everything is required to run.
 * @returns `failed` 1 and `passed` 0 when nothing ran at all: a run of no test proves nothing.
 */
export function sumOutcomes(outcomes: readonly Outcome[], { requireAll }: { requireAll: boolean }): { passed: number; failed: number } {
  const sum = { passed: 0, failed: 0 };
  for (const outcome of outcomes) {
    if (outcome.kind === "not-run") sum.failed += requireAll ? 1 : 0;
    else {
      sum.passed += outcome.counts.passed;
      sum.failed += outcome.counts.failed;
    }
  }
  return sum.passed + sum.failed === 0 ? { passed: 0, failed: 1 } : sum;
}
