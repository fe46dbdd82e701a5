import { expect, test } from "vitest";
import { createServerClock } from "./server-clock.ts";

function clockAt(initial: number) {
  const mono = { ms: 0 };
  return { clock: createServerClock(initial, () => mono.ms), mono };
}

test("carries the hub's time on by the monotonic clock alone", () => {
  const { clock, mono } = clockAt(1_000);
  mono.ms = 250;
  expect(clock.nowMs()).toBe(1_250);
});

test("the first time that is heard replaces the guess of the page, also backwards", () => {
  const { clock, mono } = clockAt(5_000);
  mono.ms = 100;
  clock.heard(3_000);
  expect(clock.nowMs()).toBe(3_000);
});

test("a message that was long on its way does not set the clock back", () => {
  const { clock, mono } = clockAt(0);
  clock.heard(10_000);
  mono.ms = 2_000;
  clock.heard(11_200);
  expect(clock.nowMs()).toBe(12_000);
});

test("a hub whose clock was set back is followed within a minute", () => {
  const { clock, mono } = clockAt(0);
  clock.heard(10_000);
  mono.ms = 61_000;
  clock.heard(20_000);
  expect(clock.nowMs()).toBe(20_000);
});
