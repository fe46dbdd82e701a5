import type { VmDetail } from "#lib/api/vm";
import type { LaneView } from "#lib/health/lane";

/** Both clocks at one moment, in ms; absent where a lane is, or where nothing was known. */
export interface ClockSample {
  atMs: number;
  inBandMs?: number;
  outOfBandMs?: number;
}

/** The plot goes back this far at most. */
export const HISTORY_MS = 600_000;
/** And this far at least: a narrower one would jump with every sample. */
const SHORTEST_PLOT_MS = 60_000;

/** The time that the plot shows, up to `nowMs`. */
export interface PlotTime {
  nowMs: number;
  spanMs: number;
}

/** As much time as this page has seen: an empty width would say that nothing was there. */
export function plotTime(history: readonly ClockSample[], nowMs: number): PlotTime {
  const seenMs = nowMs - (history[0]?.atMs ?? nowMs);
  return { nowMs, spanMs: Math.min(HISTORY_MS, Math.max(SHORTEST_PLOT_MS, seenMs)) };
}

/** What the two clocks show at a moment. A lane of which only the step is known has no value: a plot shows numbers that were measured. */
export function sampleClocks(vm: Pick<VmDetail, "lanes" | "readings">, atMs: number): ClockSample {
  const isExact = vm.readings !== undefined && atMs - vm.readings.atMs < 5_000;
  return {
    atMs,
    inBandMs: laneMs(vm.lanes.inBand, atMs, isExact ? vm.readings?.inBandRoundTripMs : undefined),
    outOfBandMs: laneMs(vm.lanes.outOfBand, atMs, isExact ? vm.readings?.outOfBandRoundTripMs : undefined),
  };
}

/** Adds a sample and forgets what is out of the plot. */
export function addSample(history: readonly ClockSample[], sample: ClockSample): ClockSample[] {
  return [...history.filter((each) => sample.atMs - each.atMs <= HISTORY_MS), sample];
}

export interface PlotSize {
  width: number;
  height: number;
}

const TOP_MS = 600_000;
const BOTTOM_MS = 0.1;

/** The height of a value on a logarithmic scale from 0.1 ms to ten minutes; 0 is the top. */
export function plotY(ms: number, height: number): number {
  const clamped = Math.min(TOP_MS, Math.max(BOTTOM_MS, ms));
  return height * (1 - Math.log(clamped / BOTTOM_MS) / Math.log(TOP_MS / BOTTOM_MS));
}

/** Where a moment lies; the right edge is now. */
export function plotX(atMs: number, { nowMs, spanMs }: PlotTime, width: number): number {
  return width * (1 - (nowMs - atMs) / spanMs);
}

/** A gap longer than this between two samples is drawn as one: nothing is known of it. */
const GAP_MS = 6_000;

/** One lane at one moment, in ms; without a value nothing was known. */
export interface LanePoint {
  atMs: number;
  ms?: number;
}

const OPEN_LANE_POINTS = 120;

/**
 * Puts the silence of an open lane in place of what was seen meanwhile: from the moment it fell silent its age is known
 * at every moment, also before anybody looked.
 */
export function withOpenLane(points: readonly LanePoint[], lane: LaneView, asOfMs: number, spanMs = HISTORY_MS): LanePoint[] {
  if (lane.state !== "open") return [...points];
  const fromMs = Math.max(lane.openSinceAtMs, asOfMs - spanMs);
  const stepMs = Math.max(0, asOfMs - fromMs) / OPEN_LANE_POINTS;
  const silence = Array.from({ length: OPEN_LANE_POINTS + 1 }, (_, index) => {
    const atMs = fromMs + index * stepMs;
    return { atMs, ms: atMs - lane.openSinceAtMs };
  });
  return [...points.filter((point) => point.atMs < fromMs), ...silence];
}

/** One lane as an SVG path, broken where nothing was known and without what is out of the plot. */
export function lanePath(points: readonly LanePoint[], time: PlotTime, { width, height }: PlotSize): string {
  let path = "";
  let previousAtMs: number | undefined;
  for (const { atMs, ms } of points) {
    if (ms === undefined || time.nowMs - atMs > time.spanMs) {
      previousAtMs = undefined;
      continue;
    }
    const isJoined = previousAtMs !== undefined && atMs - previousAtMs <= GAP_MS;
    path += `${isJoined ? "L" : "M"}${plotX(atMs, time, width).toFixed(1)} ${plotY(ms, height).toFixed(1)}`;
    previousAtMs = atMs;
  }
  return path;
}

function laneMs(lane: LaneView, atMs: number, exactMs: number | undefined): number | undefined {
  switch (lane.state) {
    case "absent":
      return undefined;
    case "answered":
      return exactMs;
    case "open":
      return Math.max(0, atMs - lane.openSinceAtMs);
  }
}
