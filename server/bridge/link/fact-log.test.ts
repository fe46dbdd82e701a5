import { describe, expect, test } from "vitest";
import { ManualClock } from "#server/qmp/manual-clock";
import { FactLog } from "./fact-log.ts";

const FACT = { kind: "vm-appeared" } as const;

describe("the facts that no hub has yet", () => {
  test("keep their order, their numbers and their ages", () => {
    const clock = new ManualClock();
    const log = new FactLog(clock);
    log.append({ vmId: "a", incarnationId: "p1" }, FACT);
    clock.advance(500);
    log.append(undefined, FACT);
    expect(log.nextBatch(10_000, 10)).toEqual({
      missedBefore: 0,
      facts: [
        { ...FACT, seq: 1, vmId: "a", incarnationId: "p1", ageMs: 500 },
        { ...FACT, seq: 2, ageMs: 0 },
      ],
    });
  });

  test("stay until they are acknowledged, and are told again otherwise", () => {
    const log = new FactLog(new ManualClock());
    for (let count = 0; count < 5; count++) log.append(undefined, FACT);
    expect(log.nextBatch(10_000, 3)?.facts.map((fact) => fact.seq)).toEqual([1, 2, 3]);
    expect(log.nextBatch(10_000, 3)?.facts.map((fact) => fact.seq)).toEqual([1, 2, 3]);
    log.acknowledge(3);
    expect(log.nextBatch(10_000, 3)?.facts.map((fact) => fact.seq)).toEqual([4, 5]);
    log.acknowledge(5);
    expect(log.nextBatch(10_000, 3)).toBeUndefined();
  });

  test("are bounded, and the gap is told once with what follows it", () => {
    const log = new FactLog(new ManualClock(), 10);
    for (let count = 0; count < 25; count++) log.append(undefined, FACT);
    const batch = log.nextBatch(100_000, 100);
    expect(batch).toMatchObject({ missedBefore: 15 });
    expect(batch?.facts[0]?.seq).toBe(16);
    log.acknowledge(25);
    log.append(undefined, FACT);
    expect(log.nextBatch(100_000, 100)).toMatchObject({ missedBefore: 0, facts: [{ seq: 26 }] });
  });

  test("fit the message, but at least one always goes", () => {
    const log = new FactLog(new ManualClock());
    for (let count = 0; count < 3; count++) log.append(undefined, { kind: "connection", text: "x".repeat(5_000) });
    expect(log.nextBatch(6_000, 100)?.facts).toHaveLength(1);
    expect(log.nextBatch(11_000, 100)?.facts).toHaveLength(2);
    expect(log.nextBatch(10, 100)?.facts).toHaveLength(1);
  });
});
