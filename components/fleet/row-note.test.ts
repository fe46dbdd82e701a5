import { expect, test } from "vitest";
import { vmSummary } from "../testing/fixtures.ts";
import { rowNote } from "./row-note.ts";

const hung = (cord: "in-reach" | "out-of-reach", yankableCount: number) =>
  vmSummary({ yankableCount, health: { kind: "main-loop-hung", cord, sinceAtMs: 0, readingAtMs: 0 } });

test("a hung VM of which no cord stands out says how many are in reach, and blames none of them", () => {
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

test("a VM whose suspect stands out names it, how much speaks for it, what it serves and why", () => {
  const suspect = {
    key: "block-node:nbd0",
    name: "nbd0",
    score: "almost-certainly",
    serves: "guest disk vda",
    reason: "12 kB sent, nothing received for 192 s",
  } as const;
  expect(rowNote({ ...hung("in-reach", 2), suspect })).toEqual({
    suspect: "nbd0",
    text: "almost certainly · guest disk vda · 12 kB sent, nothing received for 192 s",
  });
});

test("a process that cannot be reached says what helps instead of a yank", () => {
  const silent = (reason: "frozen" | "uninterruptible") => vmSummary({ health: { kind: "silent", reason, sinceAtMs: 0, readingAtMs: 0 } });
  expect(rowNote(silent("frozen"))?.text).toBe("nothing to yank: thaw its cgroup");
  expect(rowNote(silent("uninterruptible"))?.text).toBe("nothing to yank: heal the storage it waits for");
});
