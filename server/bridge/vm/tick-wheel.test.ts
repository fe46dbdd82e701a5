import { expect, test } from "vitest";
import { ManualClock } from "#server/qmp/manual-clock";
import { TICK_MS, TickWheel } from "./tick-wheel.ts";

function item(onDue: (nowMonoMs: number) => void): { tick: number; onDue: (nowMonoMs: number) => void } {
  return { tick: 0, onDue };
}

test("an appointment comes once, never early and at most a tick late", () => {
  const clock = new ManualClock();
  const wheel = new TickWheel(clock);
  const calls: number[] = [];
  const due = clock.nowMonoMs() + 1_010;
  wheel.at(
    item((nowMonoMs) => calls.push(nowMonoMs)),
    due,
  );
  clock.advance(1_000);
  expect(calls).toEqual([]);
  clock.advance(5_000);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toBeGreaterThanOrEqual(due);
  expect(calls[0]).toBeLessThanOrEqual(due + 2 * TICK_MS);
  wheel.close();
});

test("moving an appointment leaves nothing behind, and one beyond the horizon is kept", () => {
  const clock = new ManualClock();
  const wheel = new TickWheel(clock);
  let calls = 0;
  const moved = item(() => calls++);
  wheel.at(moved, clock.nowMonoMs() + 500);
  wheel.at(moved, clock.nowMonoMs() + 60_000);
  clock.advance(59_900);
  expect(calls).toBe(0);
  clock.advance(200);
  expect(calls).toBe(1);
  clock.advance(60_000);
  expect(calls).toBe(1);
  wheel.close();
});

test("after a stall everybody is called, a part at a time", () => {
  const clock = new ManualClock();
  const wheel = new TickWheel(clock);
  let calls = 0;
  for (let count = 0; count < 5_000; count++)
    wheel.at(
      item(() => calls++),
      clock.nowMonoMs() + 100 + count / 5,
    );
  clock.stall(30_000);
  clock.advance(1_000);
  expect(calls).toBe(5_000);
  wheel.close();
  expect(clock.timerCount).toBe(0);
});
