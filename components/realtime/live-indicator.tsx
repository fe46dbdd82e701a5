"use client";
import { assertNever } from "#lib/assert-never";
import { formatAgeInWords, formatCount, formatDuration } from "../ui/format.ts";
import type { Freshness } from "./freshness.ts";
import { useNow } from "./live-clock.tsx";
import { useFreshness } from "./use-freshness.ts";

/** How old what is shown is, always there. */
export function LiveIndicator() {
  const state = useFreshness();
  const now = useNow();
  return (
    <p className="flex min-w-0 items-center gap-2 text-sm whitespace-nowrap text-body">
      <span
        aria-hidden="true"
        className={`size-2 shrink-0 rounded-full ${state.kind === "live" ? "bg-good" : state.kind === "starting" ? "border border-muted" : "bg-hung"}`}
      />
      <span className="truncate">{words(state, now)}</span>
    </p>
  );
}

function words(state: Freshness, nowMs: number): string {
  switch (state.kind) {
    case "starting":
      return "connecting";
    case "live": {
      const hosts = `${state.heardHosts} of ${formatCount(state.hosts, "host")}`;
      return state.newestReadingAgeMs === undefined
        ? `live · ${hosts}`
        : `live · newest reading ${formatReadingAge(state.newestReadingAgeMs)} ago · ${hosts}`;
    }
    case "hub-silent":
      return `stale · hub heard ${formatAgeInWords(nowMs - state.sinceAtMs)} ago`;
    case "bridges-behind":
      return `stale · ${state.hosts - state.behind.length} of ${formatCount(state.hosts, "host")}`;
    default:
      return assertNever(state);
  }
}

/** Tenths of a second: finer would only flicker. */
function formatReadingAge(ageMs: number): string {
  return ageMs < 9_950 ? `${(Math.floor(ageMs / 100) / 10).toFixed(1)} s` : formatDuration(ageMs);
}
