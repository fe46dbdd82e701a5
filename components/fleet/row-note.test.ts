import { expect, test } from "vitest";
import { vmSummary } from "../testing/fixtures.ts";
import { rowNote } from "./row-note.ts";

const hung = (cord: "in-reach" | "out-of-reach", yankableCount: number) =>
  vmSummary({ yankableCount, health: { kind: "main-loop-hung", cord, sinceAtMs: 0, readingAtMs: 0 } });

test("a hung VM says how many cords are in reach, and blames none of them", () => {
  expect(rowNote(hung("in-reach", 1))?.text).toBe("1 cord in reach");
  expect(rowNote(hung("in-reach", 3))?.text).toBe("3 cords in reach");
  expect(rowNote(hung("in-reach", 0))?.text).toBe("none may be pulled: its page says why");
});

test("a hung VM whose cords are out of reach says so, however many it has", () => {
  expect(rowNote(hung("out-of-reach", 2))?.text).toBe("out of reach: hung before we came");
});

test("a hang that may end by itself says so; how many cords it has stands in its own column", () => {
  const vm = hung("in-reach", 1);
  const note = rowNote({ ...vm, health: { ...vm.health, mayStillFinish: "the switchover is under way" } });
  expect(note?.text).toBe("the switchover is under way");
});

test("a healthy VM without a migration has nothing to add", () => {
  expect(rowNote(vmSummary({}))).toBeUndefined();
});
