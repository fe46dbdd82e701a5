import { expect, test } from "vitest";
import { FAILED, PASSED, sumOutcomes, type Outcome } from "./outcome.ts";

const notRun: Outcome = { kind: "not-run", reason: "chromium not installed" };
const mixed: Outcome = { kind: "ran", counts: { passed: 40, failed: 2, skipped: 3 } };

test("adds up what passed and failed, and leaves out what was skipped", () => {
  expect(sumOutcomes([PASSED, mixed, FAILED], { requireAll: false })).toEqual({ passed: 41, failed: 3 });
});

test("a group that could not run counts for neither side", () => {
  expect(sumOutcomes([PASSED, notRun], { requireAll: false })).toEqual({ passed: 1, failed: 0 });
});

test("a group that could not run is a failure where everything is required", () => {
  expect(sumOutcomes([PASSED, notRun], { requireAll: true })).toEqual({ passed: 1, failed: 1 });
});

test("a run of nothing is a failure", () => {
  expect(sumOutcomes([notRun], { requireAll: false })).toEqual({ passed: 0, failed: 1 });
  expect(sumOutcomes([], { requireAll: false })).toEqual({ passed: 0, failed: 1 });
});
