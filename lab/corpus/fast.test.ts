import { afterAll, beforeAll, expect, test } from "vitest";
import { findQemus, formatVersion } from "../qemu.ts";
import { describeWithQemu } from "../testing/needs-qemu.ts";
import { CASES } from "./cases.ts";
import { CorpusRun } from "./corpus-run.ts";
import { jobsFor } from "./run-cases.ts";

const STARTED_WITHIN_MS = 90_000;

const { usable } = await findQemus();
const qemus = usable.filter(({ nbdBinary }) => nbdBinary !== undefined);

await describeWithQemu("the quick third of the corpus", () => {
  let run: CorpusRun;

  beforeAll(async () => {
    run = await CorpusRun.start();
  }, STARTED_WITHIN_MS);
  afterAll(() => run.close());

  const fast = jobsFor(
    CASES.filter(({ isFast }) => isFast),
    qemus,
  );
  // Side by side, as many as vitest's maxConcurrency allows: most of a case is waiting for a threshold.
  test.concurrent.each(fast.map((job) => [job.corpusCase.id, formatVersion(job.qemu.version), job] as const))(
    "%s on QEMU %s",
    async (_id, _version, { corpusCase, qemu }) => {
      const { wrong, notes } = await run.judge(corpusCase, qemu);
      expect(wrong, notes.join("\n")).toEqual([]);
    },
  );
});
