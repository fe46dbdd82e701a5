import { z } from "zod";
import type { Counts } from "./outcome.ts";

const vitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
});

const playwrightReport = z.object({
  stats: z.object({ expected: z.number(), unexpected: z.number(), flaky: z.number(), skipped: z.number() }),
  errors: z.array(z.unknown()),
});

/** How a test runner's process ended. */
export interface RunnerEnd {
  exitCode: number | null;
  /** The text of the JSON report that it was told to write; undefined when it wrote none. */
  report: string | undefined;
}

/**
 * Counts of one vitest run. A file that could not be loaded, an error outside of any test, and a run without a single
 * test each count as a failure: silence is no success.
 */
export function countVitest(end: RunnerEnd): Counts {
  const report = vitestReport.safeParse(parseJson(end.report)).data;
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const unloadable = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  return admitFailure(end, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable,
    skipped: report.numPendingTests + report.numTodoTests,
  });
}

/** Counts of one Playwright run, by the same rules; a test that passed only at a second try has failed. */
export function countPlaywright(end: RunnerEnd): Counts {
  const report = playwrightReport.safeParse(parseJson(end.report)).data;
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const { expected, unexpected, flaky, skipped } = report.stats;
  return admitFailure(end, { passed: expected, failed: unexpected + flaky + report.errors.length, skipped });
}

function admitFailure(end: RunnerEnd, counts: Counts): Counts {
  const provesNothing = counts.passed + counts.failed === 0;
  const failedOtherwise = end.exitCode !== 0 && counts.failed === 0;
  return provesNothing || failedOtherwise ? { ...counts, failed: 1 } : counts;
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
