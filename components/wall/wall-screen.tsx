"use client";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useEffect, useMemo } from "react";
import type { IncidentList } from "#lib/api/incident";
import type { FleetSnapshot } from "#lib/api/vm";
import { fleetQuery } from "../queries/fleet.ts";
import { incidentsQuery } from "../queries/incidents.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { useFreshness, useLink } from "../realtime/use-freshness.ts";
import { useReloadOnNewBuild } from "../realtime/use-new-build.ts";
import { HostTiles } from "./host-tiles.tsx";
import { Stage } from "./stage.tsx";
import { useTone } from "./use-tone.ts";
import { useViewport } from "./use-viewport.ts";
import { WallBanner } from "./wall-banner.tsx";
import { WallFooter } from "./wall-footer.tsx";
import { WallHeader } from "./wall-header.tsx";
import { layoutWall } from "./wall-layout.ts";
import { wallOf } from "./wall-model.ts";
import { hourOf, lightOf, shiftOf } from "./wall-clock.ts";
import { readWallOptions } from "./wall-options.ts";

/**
 * The wall: no chrome, nothing to click, never a scroll bar. The worst incident dominates, three can be read beside it,
 * every host is a tile, and how old all of it is stands always there.
 */
export function WallScreen({
  fleetSeed,
  incidentsSeed,
}: {
  fleetSeed: FleetSnapshot | undefined;
  incidentsSeed: IncidentList | undefined;
}) {
  const search = useSearchParams();
  const options = useMemo(() => readWallOptions(new URLSearchParams(search)), [search]);
  const { data: fleet } = useQuery({ ...fleetQuery(), initialData: fleetSeed });
  const { data: list } = useQuery({ ...incidentsQuery(), initialData: incidentsSeed });
  const link = useLink();
  const freshness = useFreshness();
  const nowMs = useNow();
  const viewport = useViewport();
  useReloadOnNewBuild();

  const { bridges, serverTimeMs } = link;
  const vms = fleet?.vms ?? NOTHING;
  const incidents = list?.incidents ?? NOTHING;
  const wall = useMemo(() => wallOf({ vms, bridges, incidents, serverTimeMs }, options), [vms, bridges, incidents, serverTimeMs, options]);
  const layout = layoutWall({ ...viewport, hostCount: wall.hosts.length, hasTrouble: wall.items.length > 0 });
  // Nothing is of now when the hub is silent, and not all of it when a host is.
  const isStale = freshness.kind === "hub-silent" || freshness.kind === "starting";
  const tone = useTone(options.hasSound, wall.items);
  const shift = shiftOf(nowMs);
  useTheme(options.theme);

  return (
    <main
      aria-label="Wall"
      className="fixed inset-0 overflow-hidden bg-base text-body select-none"
      style={{ filter: lightOf(options, hourOf(nowMs, options.zone)), fontSize: 1.5 * layout.unitPx, lineHeight: 1.35 }}
    >
      <div
        className="absolute inset-0 flex flex-col"
        style={{ padding: 2.4 * layout.unitPx, gap: layout.unitPx, transform: `translate(${shift.xPx}px, ${shift.yPx}px)` }}
      >
        <WallHeader wall={wall} options={options} freshness={freshness} nowMs={nowMs} unitPx={layout.unitPx} />
        <WallBanner freshness={freshness} hosts={wall.hosts} nowMs={nowMs} unitPx={layout.unitPx} />
        <Stage wall={wall} layout={layout} nowMs={isStale ? link.heardAtMs : nowMs} isStale={isStale} isKnown={fleet !== undefined} />
        <HostTiles hosts={wall.hosts} layout={layout} isStale={isStale} nowMs={nowMs} />
        <WallFooter wall={wall} incidents={incidents} nowMs={nowMs} mistakes={options.mistakes} tone={tone} isStale={isStale} />
      </div>
    </main>
  );
}

const NOTHING: never[] = [];

/** A wall is dark unless its URL says otherwise, whatever the machine behind it prefers. */
function useTheme(theme: "dark" | "light"): void {
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
}
