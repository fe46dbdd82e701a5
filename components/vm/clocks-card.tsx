import type { VmDetail } from "#lib/api/vm";
import type { LaneView } from "#lib/health/lane";
import type { AsOf } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { Card } from "../ui/card.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatDuration } from "../ui/format.ts";
import { ClockPlot } from "./clock-plot.tsx";
import { laneClock } from "./lane-clock.ts";
import { VERDICT_BAR_CLASS, VERDICT_TEXT_CLASS } from "./verdict-words.ts";

/** An exact reading older than this is a memory, not a reading. */
const READING_FRESH_FOR_MS = 5_000;

/** Both lanes large, with what was asked on each and what it means together. */
export function ClocksCard({ vm, asOf }: { vm: VmDetail; asOf: AsOf }) {
  const now = useNow();
  const { readings } = vm;
  const isExact = readings !== undefined && !asOf.hasOldReadings && now - readings.atMs < READING_FRESH_FOR_MS;
  return (
    <Card title="Two clocks" aside={asOf.hasOldReadings ? `last read ${formatAgeInWords(now - vm.health.readingAtMs)} ago` : undefined}>
      <div className={cx("grid gap-4", asOf.hasOldReadings && "is-stale")}>
        <Lane
          name="In-band"
          question="query-status, answered by the main loop"
          lane={vm.lanes.inBand}
          exactMs={isExact ? readings.inBandRoundTripMs : undefined}
          vm={vm}
          asOf={asOf}
        />
        <Lane
          name="Out-of-band"
          question="query-yank, answered beside it"
          lane={vm.lanes.outOfBand}
          exactMs={isExact ? readings.outOfBandRoundTripMs : undefined}
          vm={vm}
          asOf={asOf}
        />
      </div>
      <ClockPlot vm={vm} asOf={asOf} />
    </Card>
  );
}

interface LaneProps {
  name: string;
  question: string;
  lane: LaneView;
  exactMs: number | undefined;
  vm: VmDetail;
  asOf: AsOf;
}

function Lane({ name, question, lane, exactMs, vm, asOf }: LaneProps) {
  const clock = laneClock(lane, asOf.asOfMs, asOf.hasOldReadings);
  const text = exactMs !== undefined && lane.state === "answered" ? formatDuration(exactMs) : clock.text;
  const { kind } = vm.health;
  return (
    <div>
      <div className="mb-1 flex flex-wrap items-baseline justify-between gap-x-3">
        <p>
          <span className="font-semibold text-strong">{name}</span> <span className="text-xs text-quiet">{question}</span>
        </p>
        <p className={cx("text-lg font-semibold whitespace-nowrap", clock.isOpen ? VERDICT_TEXT_CLASS[kind] : "text-strong")}>
          {clock.isOpen && !asOf.hasOldReadings ? `silent for ${text}` : text}
        </p>
      </div>
      <div aria-hidden="true" className="h-2 overflow-hidden rounded-full bg-sunken">
        <div
          className={cx("h-full rounded-full", clock.isOpen ? VERDICT_BAR_CLASS[kind] : "bg-line-strong")}
          style={{ width: `${(clock.fraction * 100).toFixed(1)}%` }}
        />
      </div>
    </div>
  );
}
