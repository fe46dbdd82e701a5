import { assertNever } from "#lib/assert-never";
import type { ClockBucket, LaneView } from "#lib/health/lane";
import { formatDuration } from "../ui/format.ts";

/** What one lane's clock shows at a moment. `fraction` is the length of its bar, on a logarithmic scale. */
export interface LaneClock {
  text: string;
  fraction: number;
  isOpen: boolean;
}

/** A bar is full at a minute: beyond that the number says the rest. */
const FULL_BAR_MS = 60_000;
const EMPTY_BAR_MS = 1;

const BUCKET_TEXT: Record<ClockBucket, string> = { "<10ms": "< 10 ms", "<100ms": "< 100 ms", "<1s": "< 1 s", ">=1s": "≥ 1 s" };
const BUCKET_MS: Record<ClockBucket, number> = { "<10ms": 2, "<100ms": 20, "<1s": 200, ">=1s": 1_500 };

/**
 * @param isOld whether these are the last known readings: then the clock says so and counts no further.
 * @param asOfMs Unix ms on the hub's clock up to which the lane was heard of: now while the screen is live, the last
 *   thing known otherwise, so that an open lane never counts on by itself.
 */
export function laneClock(lane: LaneView, asOfMs: number, isOld = false): LaneClock {
  const clock = freshClock(lane, asOfMs);
  return isOld && lane.state !== "absent" ? { ...clock, text: `was ${clock.text}` } : clock;
}

function freshClock(lane: LaneView, asOfMs: number): LaneClock {
  switch (lane.state) {
    case "absent":
      return { text: ABSENT_TEXT[lane.reason], fraction: 0, isOpen: false };
    case "answered":
      // The bucket, not the number: the number is sent only when the bucket changes, so it would be a stale one.
      return { text: BUCKET_TEXT[lane.bucket], fraction: barFraction(BUCKET_MS[lane.bucket]), isOpen: false };
    case "open": {
      const ageMs = Math.max(0, asOfMs - lane.openSinceAtMs);
      return { text: formatDuration(ageMs), fraction: barFraction(ageMs), isOpen: true };
    }
    default:
      return assertNever(lane);
  }
}

const ABSENT_TEXT: Record<Extract<LaneView, { state: "absent" }>["reason"], string> = {
  "no-oob": "no OOB",
  "not-connected": "—",
  "not-negotiated": "not agreed",
};

function barFraction(ms: number): number {
  if (ms <= EMPTY_BAR_MS) return 0.03;
  return Math.min(1, Math.max(0.03, Math.log(ms / EMPTY_BAR_MS) / Math.log(FULL_BAR_MS / EMPTY_BAR_MS)));
}
