import { expect, test } from "vitest";
import { ManualClock } from "#server/qmp/manual-clock";
import { StallLog } from "./stall-log.ts";
import { StallWatch } from "./stall-watch.ts";

test("time in which the bridge stood still is nobody's silence", () => {
  const log = new StallLog();
  log.record(1_000, 3_000);
  log.record(5_000, 6_000);
  expect(log.watchedMs(0, 10_000)).toBe(7_000);
  expect(log.watchedMs(2_000, 10_000)).toBe(6_000);
  expect(log.watchedMs(7_000, 10_000)).toBe(3_000);
});

test("a late beat is a stall, told with its span, and a punctual one is not", () => {
  const clock = new ManualClock();
  const stalls: [number, string][] = [];
  const watch = new StallWatch({
    clock,
    readUptimeSeconds: () => undefined,
    onStall: (from, until, cause) => stalls.push([until - from, cause]),
  });
  clock.advance(2_000);
  expect(stalls).toEqual([]);
  clock.stall(5_000);
  clock.advance(100);
  expect(stalls).toEqual([[expect.closeTo(5_000, -3), "event-loop"]]);
  expect(watch.takeWorstDelayMs()).toBeGreaterThan(4_000);
  expect(watch.takeWorstDelayMs()).toBe(0);
  watch.close();
  expect(clock.timerCount).toBe(0);
});

test("a machine that slept is noticed by its uptime", () => {
  const clock = new ManualClock();
  let sleptMs = 0;
  const causes: string[] = [];
  const watch = new StallWatch({
    clock,
    readUptimeSeconds: () => (clock.nowMonoMs() + sleptMs) / 1_000,
    onStall: (_from, _until, cause) => causes.push(cause),
  });
  clock.advance(3_000);
  sleptMs = 600_000;
  clock.advance(2_000);
  expect(causes).toEqual(["suspend"]);
  watch.close();
});
