import { expect, test } from "vitest";
import { LogLimit } from "./log-limit.ts";

test("ten lines a minute of each kind, and then how many there were besides", () => {
  const limit = new LogLimit();
  const admitted = Array.from({ length: 1_000 }, () => limit.admit("bad-request", 1_000)).filter(Boolean);
  expect(admitted).toHaveLength(10);
  expect(limit.admit("foreign-host", 1_000)).toEqual({ notLogged: 0 });
  expect(limit.admit("bad-request", 60_000)).toEqual({ notLogged: 990 });
  expect(limit.admit("bad-request", 60_001)).toEqual({ notLogged: 0 });
});
