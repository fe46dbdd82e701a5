import { expect, test } from "vitest";
import { actRecord } from "../testing/fixtures.ts";
import { actName, outcome, outcomeCounts, recoveredWords } from "./act-words.ts";

const targetOf = (...parts: Parameters<typeof actRecord>) => actRecord(...parts).targets[0]!;

test("says of an act on several VMs how each of them stands", () => {
  const act = actRecord({});
  const targets = [
    targetOf({ state: "accepted", verdict: "recovered" }),
    targetOf({ state: "accepted", verdict: "recovered" }),
    targetOf({ state: "accepted", verdict: "no-visible-effect" }),
    targetOf({ state: "skipped", verdict: "none" }),
    targetOf({ state: "intended", verdict: "pending" }),
    targetOf({ state: "accepted", verdict: "pending" }),
  ];
  expect(outcomeCounts({ targets })).toBe("2 recovered, 1 no visible effect, 1 skipped, 1 waiting, 1 under way");
  expect(actName({ ...act, targets })).toBe("Yank on 6 VMs");
});

test("names the one VM of an act", () => {
  expect(actName(actRecord({}))).toBe("Yank nbd0 on db-7");
});

test("says what came back", () => {
  expect(recoveredWords({ recoveredParts: ["main-loop", "io"] })).toBe("the main loop and its I/O");
  expect(recoveredWords({})).toBeUndefined();
});

test("a VM that hung again does not read recovered, although the act's own verdict stays", () => {
  const amended = {
    ...targetOf({ state: "accepted", verdict: "recovered" }),
    amendments: [{ atMs: 9, verdict: "rehung", text: "hung again" } as const],
  };
  expect(outcome("yank", amended)).toMatchObject({ tone: "bad", title: "Recovered, then hung again" });
});
