"use client";
import { useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { IncidentList } from "#lib/api/incident";
import type { FleetSnapshot } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import { openIncidents } from "../incident/incident-words.ts";
import { fleetQuery } from "../queries/fleet.ts";
import { incidentsQuery } from "../queries/incidents.ts";
import { useLink } from "../realtime/use-freshness.ts";
import { Screen } from "../shell/screen.tsx";
import { BridgeNotices } from "./bridge-notices.tsx";
import { FilterBar } from "./filter-bar.tsx";
import type { FleetSort } from "./column-ids.ts";
import { matchesFacets } from "./facets.ts";
import { FleetTable } from "./fleet-table.tsx";
import { isNarrowed, viewToUrl } from "./fleet-url.ts";
import type { FleetView } from "./fleet-url.ts";
import { createFleetSorter, worstTrouble } from "./fleet-view.ts";
import { HangAnnouncer } from "./hang-announcer.tsx";
import { IncidentBanner } from "./incident-banner.tsx";
import { FleetError, FleetLoading, NoMatch, NoVm } from "./no-vm.tsx";
import { SearchField } from "./search-field.tsx";
import { finderOf } from "./search-text.ts";
import { canSelect } from "./selection.ts";
import { TroubleBanner } from "./trouble-banner.tsx";
import { useUrlView } from "./use-url-view.ts";

const HeatMap = dynamic(() => import("./heat-map.tsx"), { ssr: false, loading: () => <FleetLoading /> });
const SelectionBar = dynamic(() => import("./selection-bar.tsx"), { ssr: false });

/** @param seed the fleet as the page was rendered with it; of a large one only its first rows, with `counts` of all. */
export function FleetScreen({ seed, incidents }: { seed: FleetSnapshot; incidents: IncidentList | undefined }) {
  // Into the cache, where the banner and the side bar read it.
  useQuery({ ...incidentsQuery(), initialData: incidents });
  const isWhole = seedTotal(seed) <= seed.vms.length;
  // A part of the fleet never enters the cache, where everybody takes it for all there is.
  const fleet = useQuery({ ...fleetQuery(), ...(isWhole ? { initialData: seed } : { placeholderData: seed }) });
  const [view, setView, writeUrl] = useUrlView();
  const heading = (
    <>
      <h1 className="text-lg font-semibold text-strong">Fleet</h1>
      <SearchField value={view.search} onChange={(search) => setView({ ...view, search })} onLeave={writeUrl} />
    </>
  );
  return (
    <Screen heading={heading}>
      {fleet.data ? (
        <Fleet fleet={fleet.data} isPart={fleet.isPlaceholderData} view={view} onView={setView} />
      ) : fleet.error ? (
        <FleetError error={fleet.error} onRetry={() => void fleet.refetch()} />
      ) : (
        <FleetLoading />
      )}
    </Screen>
  );
}

interface FleetProps {
  fleet: FleetSnapshot;
  /** Only the first rows are known yet. */
  isPart: boolean;
  view: FleetView;
  onView: (view: FleetView) => void;
}

function Fleet({ fleet, isPart, view, onView }: FleetProps) {
  const search = useDeferredValue(view.search);
  const { facets, sort } = view;
  const [sortFleet] = useState(createFleetSorter);
  const [sortForMap] = useState(createFleetSorter);
  const present = useMemo(() => sortFleet(fleet.vms.filter((vm) => vm.endedAtMs === undefined)), [fleet.vms, sortFleet]);
  const byId = useMemo(() => new Map(present.map((vm) => [vm.vmId, vm])), [present]);
  const found = useMemo(() => present.filter(finderOf(search)), [present, search]);
  const shown = useMemo(() => {
    const fitting = found.filter((vm) => matchesFacets(vm, facets));
    if (view.shape === "map") return sortForMap(fitting, { column: "name", isDescending: false });
    return sort ? sortFleet(fitting, sort) : fitting;
  }, [found, facets, sort, view.shape, sortFleet, sortForMap]);
  const worst = useMemo(() => worstTrouble(present), [present]);
  const selectable = useMemo(() => shown.filter(canSelect), [shown]);
  const { data: incidents } = useQuery(incidentsQuery());
  const [shared, ...more] = openIncidents(incidents?.incidents ?? []);
  // Not the freshness in tenths of a second: everything here would be drawn anew with each of them.
  const { isHubSilent: isStale } = useLink();
  const [chosen, setChosen] = useState<ReadonlySet<VmId>>(NOTHING);
  const handleSelect = useCallback((vmId: VmId, isSelected: boolean) => setChosen((before) => withVm(before, vmId, isSelected)), []);
  // The newest view at the time of the click: the table is not drawn anew with every key of a search.
  const viewRef = useRef(view);
  useEffect(() => {
    viewRef.current = view;
  }, [view]);
  const handleSort = useCallback((next: FleetSort | undefined) => onView({ ...viewRef.current, sort: next }), [onView]);
  if (present.length === 0) {
    return (
      <>
        <BridgeNotices />
        <NoVm fleet={fleet} />
      </>
    );
  }
  const selected = [...chosen].flatMap((vmId) => byId.get(vmId) ?? []).filter(canSelect);
  const total = isPart ? seedTotal(fleet) : shown.length;
  // What is not known yet cannot be looked through: the first rows are the worst ones, and no others.
  const mustWait = isPart && (isNarrowed(view) || sort !== undefined || view.shape === "map");
  return (
    <>
      {!isPart && <HangAnnouncer vms={present} />}
      {worst &&
        (shared && shared.troubledCount > 1 ? (
          <IncidentBanner incident={shared} moreCount={more.length} />
        ) : (
          <TroubleBanner {...worst} count={isPart ? (fleet.counts?.[worst.kind] ?? worst.vms.length) : worst.vms.length} />
        ))}
      <BridgeNotices />
      <FilterBar
        found={found}
        counts={isPart ? fleet.counts : undefined}
        view={view}
        isStale={isStale}
        onView={onView}
        selectableCount={selectable.length - selected.length}
        onSelectAll={() => setChosen(new Set(selectable.map(({ vmId }) => vmId)))}
      />
      {mustWait ? (
        <FleetLoading total={total} />
      ) : shown.length === 0 ? (
        <NoMatch
          search={search}
          facetCount={Object.keys(facets).length}
          hasVerdictOnly={Object.keys(facets).join() === "verdict"}
          total={present.length}
          onShowAll={() => onView({ ...view, search: "", facets: {} })}
        />
      ) : view.shape === "map" ? (
        <HeatMap vms={shown} />
      ) : (
        <FleetTable
          vms={shown}
          byId={byId}
          total={total}
          columns={view.columns}
          density={view.density}
          sort={sort}
          orderKey={viewToUrl({ ...view, search, columns: [], density: "comfortable" })}
          selected={chosen}
          onSelect={handleSelect}
          onSort={handleSort}
        />
      )}
      {chosen.size > 0 && <SelectionBar rows={selected} onSelectNone={() => setChosen(NOTHING)} />}
    </>
  );
}

const NOTHING: ReadonlySet<VmId> = new Set();

function withVm(before: ReadonlySet<VmId>, vmId: VmId, isSelected: boolean): ReadonlySet<VmId> {
  const next = new Set(before);
  if (isSelected) next.add(vmId);
  else next.delete(vmId);
  return next;
}

/** How many VMs the fleet has, whether their rows are here or not. */
function seedTotal({ counts, vms }: FleetSnapshot): number {
  return counts === undefined ? vms.length : Object.values(counts).reduce((sum, count) => sum + count, 0);
}
