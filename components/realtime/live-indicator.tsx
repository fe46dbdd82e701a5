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
        className={`is-meter size-2 shrink-0 rounded-full ${state.kind === "live" ? "bg-good" : state.kind === "starting" ? "border border-muted" : "bg-hung"}`}
      />
      <Words {...linkWords(state, now)} />
    </p>
  );
}

function Words({ long, short }: LinkWords) {
  if (short === undefined) return <span className="truncate">{long}</span>;
  return (
    <>
      <span className="truncate max-sm:hidden">{long}</span>
      <span className="truncate sm:hidden">{short}</span>
    </>
  );
}

/** `short` is for a screen that has no room for the rest, and holds what matters most of it: the age. */
interface LinkWords {
  long: string;
  short?: string;
}

export function linkWords(state: Freshness, nowMs: number): LinkWords {
  switch (state.kind) {
    case "starting":
      return { long: "connecting" };
    case "live": {
      const hosts = `${state.heardHosts} of ${formatCount(state.hosts, "host")}`;
      if (state.newestReadingAgeMs === undefined) return { long: `live · ${hosts}` };
      const age = formatReadingAge(state.newestReadingAgeMs);
      return { long: `live · newest reading ${age} ago · ${hosts}`, short: `live · ${age}` };
    }
    case "hub-silent": {
      const age = formatAgeInWords(nowMs - state.sinceAtMs);
      return { long: `stale · hub heard ${age} ago`, short: `stale · ${age}` };
    }
    case "bridges-behind":
      return { long: `stale · ${state.hosts - state.behind.length} of ${formatCount(state.hosts, "host")}` };
    default:
      return assertNever(state);
  }
}

/** Tenths of a second: finer would only flicker. */
function formatReadingAge(ageMs: number): string {
  return ageMs < 9_950 ? `${(Math.floor(ageMs / 100) / 10).toFixed(1)} s` : formatDuration(ageMs);
}
