import fc from "fast-check";
import { expect, test } from "vitest";
import { DeadlineWheel, type DeadlineHolder } from "./deadline-wheel.ts";
import { ManualClock } from "./manual-clock.ts";

function holderOf(onDeadline: (nowMonoMs: number) => void): DeadlineHolder {
  return { armedTick: 0, onDeadline };
}

test("calls every holder at its time or within a tick after it, and keeps no timer when done", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9_000 }), { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 45 })),
      (delays, steps) => {
        const clock = new ManualClock();
        const wheel = new DeadlineWheel(clock);
        const startMonoMs = clock.nowMonoMs();
        const lateness: number[] = [];
        for (const delayMs of delays)
          wheel.arm(
            holderOf((nowMonoMs) => lateness.push(nowMonoMs - startMonoMs - delayMs)),
            startMonoMs + delayMs,
          );
        for (const byMs of steps) clock.advance(byMs);
        clock.advance(10_000);
        expect(lateness).toHaveLength(delays.length);
        for (const byMs of lateness) expect(byMs >= 0 && byMs <= 21).toBe(true);
        expect(clock.timerCount).toBe(0);
      },
    ),
  );
});

test("keeps the earlier of two appointments, and none after disarm", () => {
  const clock = new ManualClock();
  const wheel = new DeadlineWheel(clock);
  const calls: number[] = [];
  const holder = holderOf((nowMonoMs) => calls.push(nowMonoMs));
  wheel.arm(holder, clock.nowMonoMs() + 500);
  wheel.arm(holder, clock.nowMonoMs() + 100);
  wheel.arm(holder, clock.nowMonoMs() + 300);
  clock.advance(1_000);
  expect(calls).toEqual([1_100]);
  wheel.arm(holder, clock.nowMonoMs() + 100);
  wheel.disarm(holder);
  clock.advance(1_000);
  expect(calls).toHaveLength(1);
});

test("a holder that arms again from its own deadline is called again, also for a time that has passed", () => {
  const clock = new ManualClock();
  const wheel = new DeadlineWheel(clock);
  let calls = 0;
  const holder = holderOf(() => {
    if (++calls < 5) wheel.arm(holder, 0);
  });
  wheel.arm(holder, clock.nowMonoMs() + 10);
  clock.advance(200);
  expect(calls).toBe(5);
  expect(clock.timerCount).toBe(0);
});

test("gives the sockets a turn before it believes deadlines that passed while the process itself stood still", () => {
  const clock = new ManualClock();
  const wheel = new DeadlineWheel(clock);
  let calls = 0;
  wheel.arm(
    holderOf(() => calls++),
    clock.nowMonoMs() + 1_000,
  );
  clock.stall(3_000);
  expect(calls).toBe(0);
  clock.advance(40);
  expect(calls).toBe(1);
});

test("a process that is late at every turn still comes to its deadlines", () => {
  const clock = new ManualClock();
  const wheel = new DeadlineWheel(clock);
  let calls = 0;
  wheel.arm(
    holderOf(() => calls++),
    clock.nowMonoMs() + 100,
  );
  for (let turn = 0; turn < 4; turn++) clock.stall(500);
  expect(calls).toBe(1);
});
