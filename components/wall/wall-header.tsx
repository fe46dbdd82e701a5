import { assertNever } from "#lib/assert-never";
import type { Freshness } from "../realtime/freshness.ts";
import { SimulatedBadge } from "../realtime/simulated-badge.tsx";
import { formatAgeInWords, formatCount, formatNumber } from "../ui/format.ts";
import { Logo } from "../ui/logo.tsx";
import { clockOf } from "./wall-clock.ts";
import type { Wall } from "./wall-model.ts";
import type { WallOptions } from "./wall-options.ts";

interface WallHeaderProps {
  wall: Wall;
  options: WallOptions;
  freshness: Freshness;
  nowMs: number;
  unitPx: number;
}

/** Whose wall it is, how much of it is heard, how old it is, and what time it is. */
export function WallHeader({ wall, options, freshness, nowMs, unitPx }: WallHeaderProps) {
  const { time, zoneName } = clockOf(nowMs, options.zone);
  const age = ageWords(freshness, nowMs);
  return (
    <header className="flex shrink-0 items-center gap-[1.4em] whitespace-nowrap" style={{ height: 3 * unitPx }}>
      <Logo size={2.4 * unitPx} />
      <h1 className="min-w-0 truncate font-semibold text-strong">{options.title}</h1>
      <p className="min-w-0 truncate">
        {formatCount(wall.vmCount, "VM")} · {formatNumber(wall.heardHosts)} of {formatCount(wall.hosts.length, "host")} heard
      </p>
      <SimulatedBadge />
      <p role="status" aria-label="Age of the data" className="ml-auto flex items-center gap-[0.6em]">
        <span
          aria-hidden="true"
          className={`size-[0.55em] rounded-full ${freshness.kind === "live" ? "bg-good" : freshness.kind === "starting" ? "border border-muted" : "bg-hung"}`}
        />
        <span className={freshness.kind === "live" ? undefined : "font-semibold text-strong"}>{age}</span>
      </p>
      <time
        className="font-semibold text-strong"
        style={{ fontSize: 2.3 * unitPx }}
        dateTime={new Date(nowMs).toISOString()}
        suppressHydrationWarning
      >
        {time}
      </time>
      <span suppressHydrationWarning>{zoneName}</span>
    </header>
  );
}

function ageWords(freshness: Freshness, nowMs: number): string {
  switch (freshness.kind) {
    case "starting":
      return "connecting";
    case "live":
      return freshness.newestReadingAgeMs === undefined
        ? "live"
        : `${(Math.floor(freshness.newestReadingAgeMs / 100) / 10).toFixed(1)} s old`;
    case "hub-silent":
      return `${formatAgeInWords(nowMs - freshness.sinceAtMs)} old`;
    case "bridges-behind":
      return `${freshness.hosts - freshness.behind.length} of ${formatCount(freshness.hosts, "host")} live`;
    default:
      return assertNever(freshness);
  }
}
