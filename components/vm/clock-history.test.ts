import { expect, test } from "vitest";
import { addSample, HISTORY_MS, lanePath, plotTime, plotX, plotY, sampleClocks, withOpenLane } from "./clock-history.ts";
import type { ClockSample } from "./clock-history.ts";

const answered = { state: "answered", bucket: "<10ms", roundTripMs: 1 } as const;
const SIZE = { width: 600, height: 100 };

test("an open lane is plotted by its age, an answered one by what was measured", () => {
  const readings = {
    atMs: 9_000,
    outOfBandRoundTripMs: 0.4,
    counters: { eventsSeen: 0, repliesDropped: 0, lateReplies: 0, bytesRead: 0, reconnects: 0 },
  };
  const vm = { lanes: { inBand: { state: "open", openSinceAtMs: 4_000 }, outOfBand: answered }, readings } as const;
  expect(sampleClocks(vm, 10_000)).toEqual({ atMs: 10_000, inBandMs: 6_000, outOfBandMs: 0.4 });
  // A measurement that is old is none.
  expect(sampleClocks(vm, 20_000).outOfBandMs).toBeUndefined();
});

test("a lane that does not exist has no line", () => {
  expect(sampleClocks({ lanes: { inBand: answered, outOfBand: { state: "absent", reason: "no-oob" } } }, 0).outOfBandMs).toBeUndefined();
});

test("keeps ten minutes of samples", () => {
  let history: ClockSample[] = [];
  for (const atMs of [1_000, 2_000, HISTORY_MS + 1_500]) history = addSample(history, { atMs });
  expect(history.map((sample) => sample.atMs)).toEqual([2_000, HISTORY_MS + 1_500]);
});

test("the silence of an open lane is drawn from its start, also where that was before anybody looked", () => {
  const points = withOpenLane(
    [
      { atMs: 1_000, ms: 1 },
      { atMs: 190_000, ms: 99 },
    ],
    { state: "open", openSinceAtMs: 50_000 },
    200_000,
  );
  expect(points[0]).toEqual({ atMs: 1_000, ms: 1 });
  expect(points[1]).toEqual({ atMs: 50_000, ms: 0 });
  expect(points.at(-1)).toEqual({ atMs: 200_000, ms: 150_000 });
  expect(points).not.toContainEqual({ atMs: 190_000, ms: 99 });
});

test("a lane that answers is drawn as it was seen", () => {
  expect(withOpenLane([{ atMs: 1_000, ms: 1 }], answered, 2_000)).toEqual([{ atMs: 1_000, ms: 1 }]);
});

test("the scale is logarithmic, higher is slower, and nothing leaves the plot", () => {
  expect(plotY(0.01, 100)).toBe(100);
  expect(plotY(1, 100)).toBeGreaterThan(plotY(1_000, 100));
  expect(plotY(10_000_000, 100)).toBe(0);
});

test("a time of which nothing is known is a gap, not a line across it", () => {
  const points = [{ atMs: 1_000, ms: 1 }, { atMs: 2_000, ms: 1 }, { atMs: 3_000 }, { atMs: 4_000, ms: 1 }, { atMs: 19_000, ms: 1 }];
  expect(lanePath(points, { nowMs: 19_000, spanMs: 60_000 }, SIZE).match(/[ML]/g)).toEqual(["M", "L", "M", "M"]);
});

test("the plot is as wide as what was seen, from one minute to ten", () => {
  const spanAt = (nowMs: number) => plotTime([{ atMs: 1_000 }], nowMs).spanMs;
  expect(plotTime([], 5_000).spanMs).toBe(60_000);
  expect(spanAt(21_000)).toBe(60_000);
  expect(spanAt(181_000)).toBe(180_000);
  expect(spanAt(9_000_000)).toBe(HISTORY_MS);
  expect(plotX(91_000, { nowMs: 181_000, spanMs: 180_000 }, 600)).toBe(300);
});

test("nothing is drawn left of the plot", () => {
  const points = [
    { atMs: 1_000, ms: 1 },
    { atMs: 2_000, ms: 1 },
  ];
  expect(lanePath(points, { nowMs: 61_500, spanMs: 60_000 }, SIZE)).toMatch(/^M5\.0 [\d.]+$/);
});
