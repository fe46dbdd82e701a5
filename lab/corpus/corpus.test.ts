import { expect, test } from "vitest";
import { SCENARIOS } from "../catalog.ts";
import { CASES } from "./cases.ts";
import { confusionMatrix, summarise } from "./confusion-matrix.ts";
import type { CaseResult } from "./judge-trail.ts";

function result(parts: Partial<CaseResult>): CaseResult {
  return { id: "case", qemu: "system", truth: "well", shown: "healthy", wrong: [], notes: [], ...parts };
}

test("holds at least 30 cases for each QEMU, 20 of them quick, each with a name of its own and a scenario that there is", () => {
  expect(CASES.length).toBeGreaterThanOrEqual(30);
  expect(CASES.filter(({ isFast }) => isFast).length).toBeGreaterThanOrEqual(20);
  expect(new Set(CASES.map(({ id }) => id)).size).toBe(CASES.length);
  const names = SCENARIOS.map(({ name }) => name);
  for (const { scenario } of CASES) expect(names).toContain(scenario);
});

test("every scenario of the lab has its case, but the ones that a case has in another form", () => {
  const covered = new Set(CASES.map(({ scenario }) => scenario));
  expect(SCENARIOS.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual(["iothread", "bare"]);
});

test("the matrix counts what is true against what was shown", () => {
  const results = [
    result({}),
    result({ shown: "slow" }),
    result({ truth: "main-loop-hung", shown: "main-loop-hung", isSuspectRight: true }),
    result({ truth: "main-loop-hung", shown: "healthy", isSuspectRight: false, wrong: ["held healthy"] }),
    result({ shown: "silent", wrong: ["it was shown as silent"] }),
  ];
  expect(confusionMatrix(results)).toBe(
    [
      "true            main-loop-hung  silent  slow  healthy",
      "main-loop-hung               1       .     .        1",
      "well                         .       1     1        1",
    ].join("\n"),
  );
  expect(summarise(results)).toEqual([
    "3 of 5 cases right",
    "first suspect right in 1 of 2",
    "trouble shown as well: 1; well shown as trouble: 1",
  ]);
});
