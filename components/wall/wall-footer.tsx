import type { IncidentSummary } from "#lib/incident/incident";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatCount, formatNumber } from "../ui/format.ts";
import { VERDICT_WORD } from "../vm/verdict-words.ts";
import { inSentence } from "./in-sentence.ts";
import type { ToneState } from "./use-tone.ts";
import type { Wall } from "./wall-model.ts";

const LAST_HOUR_MS = 3_600_000;

interface WallFooterProps {
  wall: Wall;
  incidents: readonly IncidentSummary[];
  nowMs: number;
  mistakes: readonly string[];
  tone: ToneState;
  isStale: boolean;
}

/** What needs nobody now: the counts, what the last hour brought, and what is wrong with the wall's own URL. */
export function WallFooter({ wall, incidents, nowMs, mistakes, tone, isStale }: WallFooterProps) {
  return (
    <footer className={cx("flex shrink-0 items-baseline gap-x-[2em] overflow-hidden whitespace-nowrap", isStale && "is-stale")}>
      {wall.counts.toReversed().map(({ kind, count }) => (
        <span key={kind}>
          <strong className="font-semibold text-strong">{formatNumber(count)}</strong> {inSentence(VERDICT_WORD[kind])}
        </span>
      ))}
      <span className="min-w-0 truncate">{lastHourText(incidents, nowMs)}</span>
      {tone === "blocked" && (
        <span className="ml-auto text-strong">no sound: this browser does not let a page sound that nobody touched</span>
      )}
      {mistakes.length > 0 && <span className="ml-auto min-w-0 truncate text-strong">In this wall’s URL: {mistakes.join("; ")}</span>}
    </footer>
  );
}

function lastHourText(incidents: readonly IncidentSummary[], nowMs: number): string {
  const over = incidents.filter(
    (incident) => incident.state !== "open" && nowMs - (incident.mitigatedAtMs ?? incident.resolvedAtMs ?? 0) <= LAST_HOUR_MS,
  );
  if (over.length === 0) return "last hour: no incident ended";
  const times = over.flatMap(({ recoveredAfterMs }) => recoveredAfterMs ?? []).toSorted((left, right) => left - right);
  const longest = times.at(-1);
  const took =
    longest === undefined
      ? ""
      : over.length === 1
        ? ` after ${formatAgeInWords(longest)}`
        : `, the longest after ${formatAgeInWords(longest)}`;
  return `last hour: ${formatCount(over.length, "incident")} ended${took}`;
}
