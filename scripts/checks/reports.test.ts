import { describe, expect, test } from "vitest";
import { countPlaywright, countVitest } from "./reports.ts";

describe("vitest", () => {
  const passing = { status: "passed", assertionResults: [{ status: "passed" }] };
  const unloadable = { status: "failed", assertionResults: [] };
  const failing = { status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] };

  function report(counts: [passed: number, failed: number, pending: number], testResults: object[]): string {
    const [numPassedTests, numFailedTests, numPendingTests] = counts;
    return JSON.stringify({ numPassedTests, numFailedTests, numPendingTests, numTodoTests: 0, testResults });
  }

  test("counts tests, not files", () => {
    expect(countVitest({ exitCode: 1, report: report([7, 1, 2], [passing, failing]) })).toEqual({ passed: 7, failed: 1, skipped: 2 });
  });

  test("a file that could not be loaded is a failure of its own", () => {
    expect(countVitest({ exitCode: 1, report: report([7, 1, 0], [failing, unloadable]) })).toEqual({ passed: 7, failed: 2, skipped: 0 });
  });

  test("an error outside of every test is a failure, even though all tests passed", () => {
    expect(countVitest({ exitCode: 1, report: report([7, 0, 0], [passing]) })).toEqual({ passed: 7, failed: 1, skipped: 0 });
  });

  test("a run that executed no test is a failure", () => {
    expect(countVitest({ exitCode: 0, report: report([0, 0, 4], []) })).toEqual({ passed: 0, failed: 1, skipped: 4 });
  });

  test("a run that was ended from outside is a failure, whatever it had counted", () => {
    expect(countVitest({ exitCode: null, report: report([7, 0, 0], [passing]) }).failed).toBe(1);
  });

  test.each([undefined, "", "{", "[]", '{"numPassedTests":"3"}'])("a run without a readable report is a failure: %j", (text) => {
    expect(countVitest({ exitCode: 0, report: text })).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe("Playwright", () => {
  function report(stats: { expected: number; unexpected?: number; flaky?: number; skipped?: number }, errors: object[] = []): string {
    return JSON.stringify({ stats: { unexpected: 0, flaky: 0, skipped: 0, ...stats }, errors });
  }

  test("counts what went as expected", () => {
    expect(countPlaywright({ exitCode: 0, report: report({ expected: 12, skipped: 1 }) })).toEqual({ passed: 12, failed: 0, skipped: 1 });
  });

  test("a test that passed only at a second try has failed", () => {
    expect(countPlaywright({ exitCode: 0, report: report({ expected: 3, flaky: 1 }) })).toEqual({ passed: 3, failed: 1, skipped: 0 });
  });

  test("an error outside of every test is a failure", () => {
    expect(countPlaywright({ exitCode: 1, report: report({ expected: 3 }, [{ message: "no such fixture" }]) }).failed).toBe(1);
  });

  test("a run that executed no test, crashed or wrote nothing is a failure", () => {
    expect(countPlaywright({ exitCode: 0, report: report({ expected: 0 }) }).failed).toBe(1);
    expect(countPlaywright({ exitCode: null, report: report({ expected: 3 }) }).failed).toBe(1);
    expect(countPlaywright({ exitCode: 0, report: undefined }).failed).toBe(1);
  });
});
