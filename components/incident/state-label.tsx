import type { HealthKind } from "#lib/health/verdict";
import type { IncidentState } from "#lib/incident/incident";
import { cx } from "../ui/cx.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VERDICT_TEXT_CLASS } from "../vm/verdict-words.ts";
import { STATE_WORD } from "./incident-words.ts";

/** Shape, word and colour: an open one wears its worst verdict, one that is over a check. */
export function StateIcon({
  state,
  kind,
  size = 16,
  isStale,
}: {
  state: IncidentState;
  kind: HealthKind;
  size?: number;
  isStale: boolean;
}) {
  if (state === "open") return <VerdictIcon kind={kind} size={size} isMuted={isStale} />;
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      className={cx("shrink-0", state === "mitigated" && !isStale ? "text-good" : "text-muted")}
    >
      <circle cx="10" cy="10" r="7.8" strokeDasharray={state === "mitigated" ? "3.4 2.7" : undefined} />
      <path d="m6.4 10.3 2.5 2.5 4.8-5.2" />
    </svg>
  );
}

export function StateWord({ state, kind, isStale }: { state: IncidentState; kind: HealthKind; isStale: boolean }) {
  const colour = isStale ? "text-muted" : state === "open" ? VERDICT_TEXT_CLASS[kind] : state === "mitigated" ? "text-good" : "text-body";
  return (
    <span className={cx("font-semibold", colour)}>
      {isStale && state !== "resolved" ? `Was ${STATE_WORD[state].toLowerCase()}` : STATE_WORD[state]}
    </span>
  );
}
