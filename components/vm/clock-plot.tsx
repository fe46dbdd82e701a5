import { useState } from "react";
import type { VmDetail } from "#lib/api/vm";
import type { AsOf } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { cx } from "../ui/cx.ts";
import { formatUtcTime } from "../ui/format.ts";
import { addSample, lanePath, plotTime, plotX, plotY, sampleClocks, withOpenLane } from "./clock-history.ts";
import type { ClockSample } from "./clock-history.ts";
import { VERDICT_TEXT_CLASS } from "./verdict-words.ts";

const SIZE = { width: 720, height: 132 };
const GRID = [
  { ms: 1, label: "1 ms" },
  { ms: 100, label: "100 ms" },
  { ms: 10_000, label: "10 s" },
];

/**
 * Both clocks as this page has seen them since it was opened, at least one minute wide and at most ten. Of the time before
 * it only one thing is known and drawn: since when a lane that is open now has been silent.
 */
export function ClockPlot({ vm, asOf }: { vm: VmDetail; asOf: AsOf }) {
  const nowMs = useNow();
  const history = useClockHistory(vm, asOf, nowMs);
  const time = plotTime(history, nowMs);
  const lanes = [
    withOpenLane(
      history.map(({ atMs, inBandMs }) => ({ atMs, ms: inBandMs })),
      vm.lanes.inBand,
      asOf.asOfMs,
      time.spanMs,
    ),
    withOpenLane(
      history.map(({ atMs, outOfBandMs }) => ({ atMs, ms: outOfBandMs })),
      vm.lanes.outOfBand,
      asOf.asOfMs,
      time.spanMs,
    ),
  ] as const;
  const inBandPath = lanePath(lanes[0], time, SIZE);
  const outOfBandPath = lanePath(lanes[1], time, SIZE);
  // An empty plot would say that there was nothing; nothing was measured in its time.
  if (inBandPath === "" && outOfBandPath === "") return null;
  const startMs = nowMs - time.spanMs;
  const { sinceAtMs, kind } = vm.health;
  const isMarked = kind !== "healthy" && sinceAtMs > startMs && !asOf.isStale;
  const sinceX = plotX(sinceAtMs, time, SIZE.width);
  return (
    <figure className={cx("mt-4", asOf.isStale && "is-stale")}>
      {/* The numbers beside it say the same to whoever does not see it. */}
      <svg
        viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
        aria-hidden="true"
        focusable="false"
        className="h-33 w-full overflow-visible"
        preserveAspectRatio="none"
      >
        {GRID.map(({ ms }) => (
          <path
            key={ms}
            d={`M0 ${plotY(ms, SIZE.height).toFixed(1)}H${SIZE.width}`}
            className="stroke-line"
            vectorEffect="non-scaling-stroke"
          />
        ))}
        {isMarked && (
          <g className={VERDICT_TEXT_CLASS[kind]}>
            <rect x={sinceX} y="0" width={SIZE.width - sinceX} height={SIZE.height} fill="currentColor" opacity="0.1" />
            <path
              d={`M${sinceX.toFixed(1)} 0V${SIZE.height}`}
              stroke="currentColor"
              strokeDasharray="3 3"
              vectorEffect="non-scaling-stroke"
            />
          </g>
        )}
        <path
          d={outOfBandPath}
          className="stroke-info"
          strokeWidth="1.6"
          fill="none"
          strokeLinejoin="round"
          strokeLinecap="round"
          vectorEffect="non-scaling-stroke"
        />
        <path
          d={inBandPath}
          className={kind === "main-loop-hung" ? "stroke-hung" : "stroke-strong"}
          strokeWidth="1.6"
          fill="none"
          strokeLinejoin="round"
          strokeLinecap="round"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <figcaption className="mt-1 flex flex-wrap justify-between gap-x-4 text-xs text-quiet">
        <span>{formatUtcTime(startMs)}</span>
        <span>
          <span className={kind === "main-loop-hung" ? "text-hung" : "text-strong"}>in-band</span> and{" "}
          <span className="text-info">out-of-band</span>, lines at 1 ms, 100 ms and 10 s; drawn since this page was opened
        </span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}

/** What this page has seen of the clocks. Old readings are not samples: their time stays empty. */
function useClockHistory(vm: VmDetail, asOf: AsOf, nowMs: number): ClockSample[] {
  const [history, setHistory] = useState<ClockSample[]>([]);
  // A new second is a new sample; the draw that it arrives in takes it.
  if (!asOf.hasOldReadings && history.at(-1)?.atMs !== nowMs) setHistory(addSample(history, sampleClocks(vm, nowMs)));
  return history;
}
