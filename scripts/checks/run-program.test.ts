import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { hasProgram, runProgram } from "./run-program.ts";

const cwd = tmpdir();

test("reports the exit code and keeps both outputs", async () => {
  const end = await runProgram("sh", ["-c", "echo out; echo err >&2; exit 3"], { cwd, limitMs: 10_000, output: "keep" });
  expect(end).toMatchObject({ exitCode: 3, problem: undefined });
  expect(end.output).toContain("out\n");
  expect(end.output).toContain("err\n");
});

test("ends a program that takes too long, with everything that it started", async () => {
  // The pipe closes only when the grandchild, which holds it too, has ended: a survivor would make this test time out.
  const end = await runProgram("sh", ["-c", "sleep 600 & sleep 600"], { cwd, limitMs: 100, output: "keep" });
  expect(end.exitCode).toBeNull();
  expect(end.problem).toMatch(/^not finished after/);
});

test("says that a program could not be started", async () => {
  const end = await runProgram("ripcord-no-such-program", [], { cwd, limitMs: 10_000, output: "keep" });
  expect(end.exitCode).toBeNull();
  expect(end.problem).toMatch(/could not start ripcord-no-such-program/);
});

test("gives no standard input, so that nothing can wait for an answer", async () => {
  const end = await runProgram("cat", [], { cwd, limitMs: 10_000, output: "keep" });
  expect(end.exitCode).toBe(0);
});

test("finds programs on the PATH", () => {
  expect(hasProgram("sh")).toBe(true);
  expect(hasProgram("ripcord-no-such-program")).toBe(false);
});
