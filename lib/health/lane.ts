/** The steps in which the clock of an answering lane is published, so that healthy VMs do not change every second. */
export const CLOCK_BUCKETS = ["<10ms", "<100ms", "<1s", ">=1s"] as const;
export type ClockBucket = (typeof CLOCK_BUCKETS)[number];

export function clockBucket(roundTripMs: number): ClockBucket {
  if (roundTripMs < 10) return "<10ms";
  if (roundTripMs < 100) return "<100ms";
  if (roundTripMs < 1_000) return "<1s";
  return ">=1s";
}

/**
 * One lane's clock as the bridge sends it. `open` means that the oldest unanswered request has waited for longer than
 * a second: below that a lane keeps its last answer. Ages are durations at the moment of sending.
 */
export type LaneReport =
  | { state: "absent"; reason: "no-oob" | "not-connected" | "not-negotiated" }
  | { state: "answered"; bucket: ClockBucket; roundTripMs: number }
  | { state: "open"; openAgeMs: number; lastRoundTripMs?: number };

/** The same as the hub publishes it; `openSinceAtMs` is Unix time on the hub's clock. */
export type LaneView =
  | { state: "absent"; reason: "no-oob" | "not-connected" | "not-negotiated" }
  | { state: "answered"; bucket: ClockBucket; roundTripMs: number }
  | { state: "open"; openSinceAtMs: number; lastRoundTripMs?: number };
