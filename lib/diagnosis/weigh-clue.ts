import { assertNever } from "../assert-never.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { Clue, ClueCode } from "./clue.ts";

/** Two clues of one family are one observation told twice, so they count once. */
export type ClueFamily = "queue" | "socket" | "counters" | "drain" | "event" | "lock" | "migration" | "connection" | "far-side";

/**
 * How much one clue says.
 * - `strong`: makes an instance likely by itself.
 * - `supporting`: holds for others at the same time, or looks so also when nothing is wrong; settles what a strong one says.
 * - `against`: nothing can be waited for there.
 * - `hint-against`: says so of the time before the trouble only, so that it clears nothing.
 * - `nothing`: neither.
 */
export type Weight =
  { says: "strong" | "supporting"; family: ClueFamily } | { says: "against" } | { says: "hint-against" } | { says: "nothing" };

export type ClueAge = "during" | "before" | "long-before";

/** Older than the trouble by no more than this, a reading is of its beginning. */
const OF_THE_BEGINNING_MS = 2_000;
/** Older than the trouble by more than this, it says little of how the trouble began. */
const LONG_BEFORE_MS = 30_000;

const NOTHING: Weight = { says: "nothing" };
const AGAINST: Weight = { says: "against" };

/** Of readings taken during the trouble. */
const WEIGHTS: Record<ClueCode, Weight> = {
  "work-outstanding": { says: "strong", family: "queue" },
  "sent-unanswered": { says: "strong", family: "socket" },
  "unsent-bytes": { says: "strong", family: "socket" },
  "unread-at-peer": { says: "strong", family: "socket" },
  // An idle disk looks just so.
  "counters-frozen": { says: "supporting", family: "counters" },
  // True of every disk of the VM at once.
  "stop-unanswered": { says: "supporting", family: "drain" },
  "recent-event": { says: "supporting", family: "event" },
  "vcpu-in-write": { says: "strong", family: "lock" },
  switchover: { says: "strong", family: "migration" },
  "migration-still": { says: "strong", family: "migration" },
  "being-connected": { says: "strong", family: "connection" },
  "traffic-flows": AGAINST,
  "idle-connection": AGAINST,
  "nothing-connected": AGAINST,
  "work-completes": AGAINST,
  // A drain or a flush needs no request of the guest: it may hang where none was outstanding.
  "no-work-outstanding": { says: "hint-against" },
  "not-measured": NOTHING,
};

/** When a clue was read, measured against the trouble. @param troubleAgeMs since when the verdict holds. */
export function clueAge({ ageMs }: Pick<Clue, "ageMs">, troubleAgeMs: number): ClueAge {
  if (ageMs <= troubleAgeMs + OF_THE_BEGINNING_MS) return "during";
  return ageMs <= troubleAgeMs + LONG_BEFORE_MS ? "before" : "long-before";
}

/** What one clue says of this instance. What was seen before the trouble says less of it, and clears nothing. */
export function weighClue(code: ClueCode, age: ClueAge, report: InstanceReport): Weight {
  if (code === "sent-unanswered" && !isAnswered(report)) return NOTHING;
  // A destination sends next to nothing: that all of it was taken says nothing of what it waits for.
  if (code === "idle-connection" && report.serves.kind === "migration-in") return NOTHING;
  const weight = WEIGHTS[code];
  switch (weight.says) {
    case "strong":
      // A virtqueue can be read only while in-band answers: a request that was stuck then is stuck now.
      if (age === "during" || (age === "before" && code === "work-outstanding")) return weight;
      return { says: "supporting", family: weight.family };
    case "supporting":
    case "nothing":
      return weight;
    case "against":
      return age === "during" ? weight : NOTHING;
    case "hint-against":
      return age === "long-before" ? NOTHING : weight;
    default:
      return assertNever(weight);
  }
}

/** Whether its far side answers what is sent at all: a console's reader and a migration's destination do not. */
function isAnswered({ instance, serves }: InstanceReport): boolean {
  if (instance.type === "block-node") return true;
  return serves.kind === "vhost-user" || serves.kind === "tpm";
}
