import type { Qemu } from "../qemu.ts";
import type { CorpusRun } from "./corpus-run.ts";
import type { CaseResult } from "./judge-trail.ts";
import type { CorpusCase } from "./truth.ts";

export interface Job {
  corpusCase: CorpusCase;
  qemu: Qemu;
}

/** Every case on every QEMU: those that disturb others come last. */
export function jobsFor(cases: readonly CorpusCase[], qemus: readonly Qemu[]): Job[] {
  const jobs = cases.flatMap((corpusCase) => qemus.map((qemu) => ({ corpusCase, qemu })));
  return [...jobs.filter(({ corpusCase }) => corpusCase.isAlone !== true), ...jobs.filter(({ corpusCase }) => corpusCase.isAlone === true)];
}

/** Runs several at once, and the ones that must be alone one after the other at the end. */
export async function runCases(
  run: CorpusRun,
  jobs: readonly Job[],
  options: { atOnce: number; onResult: (result: CaseResult) => void; signal?: AbortSignal },
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  const together = jobs.filter(({ corpusCase }) => corpusCase.isAlone !== true);
  const alone = jobs.filter(({ corpusCase }) => corpusCase.isAlone === true);
  for (const [queue, atOnce] of [
    [together, options.atOnce],
    [alone, 1],
  ] as const) {
    const left = [...queue];
    const work = async () => {
      for (let job = left.shift(); job !== undefined && options.signal?.aborted !== true; job = left.shift()) {
        const result = await run.judge(job.corpusCase, job.qemu);
        results.push(result);
        options.onResult(result);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }
  return results;
}
