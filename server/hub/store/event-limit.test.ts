import { expect, test } from "vitest";
import { EventLimit } from "./event-limit.ts";

test("fifty of a second are admitted, and the number of the others is told with the next", () => {
  const limit = new EventLimit();
  const admitted = Array.from({ length: 5_000 }, () => limit.admit("a", 1_500)).filter(({ isAdmitted }) => isAdmitted);
  expect(admitted).toHaveLength(50);
  expect(limit.admit("b", 1_600)).toEqual({ isAdmitted: true, droppedBefore: 0 });
  expect(limit.settle(1_999)).toEqual([]);
  expect(limit.admit("a", 2_000)).toEqual({ isAdmitted: true, droppedBefore: 4_950 });
  expect(limit.settle(9_000)).toEqual([]);
});

test("what was dropped is told also when nothing follows", () => {
  const limit = new EventLimit(1);
  limit.admit("a", 0);
  limit.admit("a", 0);
  limit.admit("a", 0);
  expect(limit.settle(1_000)).toEqual([{ vmId: "a", dropped: 2 }]);
  expect(limit.settle(2_000)).toEqual([]);
});
