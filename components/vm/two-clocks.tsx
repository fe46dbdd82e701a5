import type { LaneView } from "#lib/health/lane";
import type { HealthKind } from "#lib/health/verdict";
import { cx } from "../ui/cx.ts";
import { laneClock } from "./lane-clock.ts";
import { VERDICT_BAR_CLASS, VERDICT_TEXT_CLASS } from "./verdict-words.ts";

export interface TwoClocksProps {
  lanes: { inBand: LaneView; outOfBand: LaneView };
  kind: HealthKind;
  asOfMs: number;
  /** These are the last known readings. */
  isOld: boolean;
}

/** The signature of a row: both lanes above each other, so that "in-band silent, out-of-band quick" is seen at once. */
export function TwoClocks({ lanes, kind, asOfMs, isOld }: TwoClocksProps) {
  return (
    <div className="grid w-full grid-cols-[28px_1fr_76px] items-center gap-x-2 text-xs leading-4">
      <Lane word="in" spoken="In-band" lane={lanes.inBand} kind={kind} asOfMs={asOfMs} isOld={isOld} />
      <Lane word="oob" spoken="Out-of-band" lane={lanes.outOfBand} kind={kind} asOfMs={asOfMs} isOld={isOld} />
    </div>
  );
}

interface LaneProps extends Omit<TwoClocksProps, "lanes"> {
  word: string;
  spoken: string;
  lane: LaneView;
}

function Lane({ word, spoken, lane, kind, asOfMs, isOld }: LaneProps) {
  const clock = laneClock(lane, asOfMs, isOld);
  return (
    <>
      <span className="text-body">
        <span aria-hidden="true">{word}</span>
        <span className="sr-only">{spoken}</span>
      </span>
      <span aria-hidden="true" className="is-meter h-1.5 overflow-hidden rounded-full bg-sunken">
        <span
          className={cx("block h-full rounded-full", clock.isOpen ? VERDICT_BAR_CLASS[kind] : isOld ? "bg-line" : "bg-line-strong")}
          style={{ width: `${(clock.fraction * 100).toFixed(1)}%` }}
        />
      </span>
      <span className={cx("whitespace-nowrap", clock.isOpen ? VERDICT_TEXT_CLASS[kind] : "text-body")}>{clock.text}</span>
    </>
  );
}
