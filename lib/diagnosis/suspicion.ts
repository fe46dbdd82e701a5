/**
 * How much speaks for one instance being what holds its VM; in words, because a number would claim a precision that no
 * reading has. In the order in which an operator should look.
 */
export const SUSPICION_SCORES = ["almost-certainly", "likely", "possible", "cannot-tell", "not-involved"] as const;
export type SuspicionScore = (typeof SUSPICION_SCORES)[number];

export interface Suspicion {
  score: SuspicionScore;
  /** What was measured, the weightiest first; never empty. Lower case, without a full stop. */
  reasons: string[];
}

/** The instance that an operator should look at first; only where one stands out. */
export interface Suspect {
  /** `instanceKey` of it. */
  key: string;
  name: string;
  score: SuspicionScore;
  /** Its weightiest reason. */
  reason: string;
  /** What it serves, in words: "guest disk vda". */
  serves: string;
  farSide?: { key: string; text: string };
}
