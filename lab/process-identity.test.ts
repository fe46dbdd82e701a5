import { expect, test } from "vitest";
import { isAlive, parseProcessStat, readProcessStat, signalProcess } from "./process-identity.ts";

const AFTER_NAME = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";

test("reads state and start time behind a program name that holds brackets and spaces", () => {
  expect(parseProcessStat(7, `7 (a) R (b)) ${AFTER_NAME}`)).toEqual({ pid: 7, state: "S", startTicks: "4711" });
});

test("knows this process, and not one with its pid and another start time", () => {
  const self = readProcessStat(process.pid);
  expect(self).toBeDefined();
  if (self === undefined) return;
  expect(isAlive(self)).toBe(true);
  const other = { pid: self.pid, startTicks: `${self.startTicks}0` };
  expect(isAlive(other)).toBe(false);
  expect(signalProcess(other, "SIGKILL")).toBe(false);
});

test("has nothing to say of a pid that no process has", () => {
  // Above the kernel's largest pid_max, 2^22.
  expect(readProcessStat(2 ** 22 + 1)).toBeUndefined();
});
