import type { HealthKind } from "#lib/health/verdict";
import type { SuspicionScore } from "#lib/diagnosis/suspicion";
import { SCORE_BARS } from "./suspicion-words.ts";
import { VERDICT_TEXT_CLASS } from "./verdict-words.ts";

/**
 * How much speaks for an instance, as a shape: three bars that fill, a ring where nothing is under way on it, a broken ring
 * where nobody can tell. Only what is suspected takes the colour of the trouble. The word always stands beside it.
 */
export function SuspicionMark({ score, kind }: { score: SuspicionScore; kind: HealthKind }) {
  const bars = SCORE_BARS[score];
  return (
    <svg
      width={16}
      height={16}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      aria-hidden="true"
      focusable="false"
      className={`shrink-0 ${bars >= 2 ? VERDICT_TEXT_CLASS[kind] : bars === 1 ? "text-body" : "text-muted"}`}
    >
      {bars === 0 ? (
        <circle
          cx="10"
          cy="10"
          r={score === "cannot-tell" ? 7.2 : 5.8}
          strokeDasharray={score === "cannot-tell" ? "3.2 2.45" : undefined}
        />
      ) : (
        [0, 1, 2].map((bar) => (
          <rect
            key={bar}
            x={2.4 + bar * 5.6}
            y={11.4 - bar * 4}
            width="4"
            height={6.2 + bar * 4}
            rx="0.8"
            strokeWidth="1.2"
            fill={bar < bars ? "currentColor" : "none"}
            className={bar < bars ? undefined : "text-muted"}
          />
        ))
      )}
    </svg>
  );
}
