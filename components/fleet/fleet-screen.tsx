"use client";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { assertNever } from "#lib/assert-never";
import type { IncidentList } from "#lib/api/incident";
import type { FleetSnapshot } from "#lib/api/vm";
import { openIncidents } from "../incident/incident-words.ts";
import { fleetQuery } from "../queries/fleet.ts";
import { incidentsQuery } from "../queries/incidents.ts";
import { useFreshness, useIsBehind, useLink } from "../realtime/use-freshness.ts";
import { Screen } from "../shell/screen.tsx";
import { Button } from "../ui/button.tsx";
import { BridgeNotices } from "./bridge-notices.tsx";
import { EmptyFleet } from "./empty-fleet.tsx";
import { FleetTable } from "./fleet-table.tsx";
import { countByVerdict, createFleetSorter, emptyReason, filterFromUrl, filterToUrl, matchesSearch, worstTrouble } from "./fleet-view.ts";
import type { FleetFilter } from "./fleet-view.ts";
import { HangAnnouncer } from "./hang-announcer.tsx";
import { IncidentBanner } from "./incident-banner.tsx";
import { SearchField } from "./search-field.tsx";
import { TroubleBanner } from "./trouble-banner.tsx";
import { VerdictFilter } from "./verdict-filter.tsx";

/** The URL follows the typing at this distance; browsers refuse to have it changed with every key. */
const URL_DELAY_MS = 250;

/** @param seed the fleet as the page was rendered with it; absent for a large fleet, which the browser fetches itself. */
export function FleetScreen({ seed, incidents }: { seed: FleetSnapshot | undefined; incidents: IncidentList | undefined }) {
  // Into the cache, where the banner and the side bar read it.
  useQuery({ ...incidentsQuery(), initialData: incidents });
  const fleet = useQuery({ ...fleetQuery(), initialData: seed });
  const [filter, setFilter, writeUrl] = useUrlFilter();
  const heading = (
    <>
      <h1 className="text-lg font-semibold text-strong">Fleet</h1>
      <SearchField value={filter.search} onChange={(search) => setFilter({ ...filter, search })} onLeave={writeUrl} />
    </>
  );
  return (
    <Screen heading={heading}>
      {fleet.data ? (
        <Fleet fleet={fleet.data} filter={filter} onFilter={setFilter} />
      ) : fleet.error ? (
        <FleetError detail={fleet.error.message} onRetry={() => void fleet.refetch()} />
      ) : (
        <FleetLoading />
      )}
    </Screen>
  );
}

function Fleet({ fleet, filter, onFilter }: { fleet: FleetSnapshot; filter: FleetFilter; onFilter: (filter: FleetFilter) => void }) {
  const search = useDeferredValue(filter.search);
  const [sortFleet] = useState(createFleetSorter);
  const present = useMemo(() => sortFleet(fleet.vms.filter((vm) => vm.endedAtMs === undefined)), [fleet.vms, sortFleet]);
  const found = useMemo(() => present.filter((vm) => matchesSearch(vm, search)), [present, search]);
  const counts = useMemo(() => countByVerdict(found), [found]);
  const shown = filter.verdict ? found.filter((vm) => vm.health.kind === filter.verdict) : found;
  const worst = worstTrouble(present);
  const { data: incidents } = useQuery(incidentsQuery());
  const [shared, ...more] = openIncidents(incidents?.incidents ?? []);
  const isStale = useFreshness().kind === "hub-silent";
  if (present.length === 0) {
    return (
      <>
        <BridgeNotices />
        <NoVm fleet={fleet} />
      </>
    );
  }
  return (
    <>
      <HangAnnouncer vms={present} />
      {worst &&
        (shared && shared.troubledCount > 1 ? <IncidentBanner incident={shared} moreCount={more.length} /> : <TroubleBanner {...worst} />)}
      <BridgeNotices />
      <VerdictFilter
        counts={counts}
        total={found.length}
        selected={filter.verdict}
        isStale={isStale}
        onSelect={(verdict) => onFilter({ ...filter, verdict })}
      />
      {shown.length > 0 ? (
        <FleetTable vms={shown} />
      ) : (
        <div className="mt-10 text-center">
          <p className="text-strong">
            {search ? `No VM matches “${search}”${filter.verdict ? " with this verdict" : ""}` : "No VM has this verdict now"}
          </p>
          <p className="mt-1 mb-4">Looked at name, host, address and tags of {present.length} VMs</p>
          <Button onClick={() => onFilter({ verdict: undefined, search: "" })}>Show all</Button>
        </div>
      )}
    </>
  );
}

/** By the newest tick's word of the bridges: the snapshot's may be from before they came. */
function NoVm({ fleet }: { fleet: FleetSnapshot }) {
  const { bridges } = useLink();
  const reason = emptyReason(bridges, useIsBehind(fleet));
  switch (reason) {
    case "reading":
      return <FleetLoading />;
    case "waiting":
      return (
        <div role="status" className="mt-10 text-center">
          <p className="font-semibold text-strong">
            {bridges.length === 1 ? "The bridge" : "No bridge"} of {bridges.map((bridge) => bridge.host).join(", ")} is
            {bridges.length === 1 ? " not" : ""} connected
          </p>
          <p className="mt-1">Nothing is known of any VM until {bridges.length === 1 ? "it" : "one"} is</p>
        </div>
      );
    case "no-bridge":
    case "none-found":
      return <EmptyFleet bridges={bridges} />;
    default:
      return assertNever(reason);
  }
}

function FleetLoading() {
  return (
    <div role="status" className="mt-10 text-center">
      Reading the fleet…
    </div>
  );
}

function FleetError({ detail, onRetry }: { detail: string; onRetry: () => void }) {
  return (
    <div role="alert" className="mt-10 text-center">
      <p className="font-semibold text-strong">The fleet could not be read</p>
      <p className="mt-1 mb-4">{detail}. Nothing is known of any VM here until it can</p>
      <Button onClick={onRetry}>Read it again</Button>
    </div>
  );
}

/** The filter of the URL, which stays the truth of it: back, forward and a shared link all lead here. */
function useUrlFilter(): [filter: FleetFilter, setFilter: (filter: FleetFilter) => void, writeUrl: () => void] {
  const params = useSearchParams();
  const fromUrl = filterFromUrl(params);
  const urlText = filterToUrl(fromUrl);
  const [state, setState] = useState<{ filter: FleetFilter; urlText: string; written?: string }>({ filter: fromUrl, urlText });
  const wanted = filterToUrl(state.filter);
  if (state.urlText !== urlText) {
    // What was chosen since we wrote this URL stays; in any other case somebody went back or followed a link.
    const isOurs = urlText === state.written || urlText === wanted;
    setState({ filter: isOurs ? state.filter : fromUrl, urlText });
  }
  const wantedRef = useRef(wanted);
  function write(url: string) {
    setState((now) => ({ ...now, written: url }));
    window.history.replaceState(null, "", url);
  }
  useEffect(() => {
    wantedRef.current = wanted;
    if (wanted === urlText) return;
    const timer = setTimeout(() => write(wanted), URL_DELAY_MS);
    return () => clearTimeout(timer);
  }, [wanted, urlText]);
  function setFilter(filter: FleetFilter) {
    // Escape empties the field and leaves it before the next draw.
    wantedRef.current = filterToUrl(filter);
    setState((now) => ({ ...now, filter }));
  }
  // Whoever leaves the field may be about to follow a link: changing the URL after that would call the navigation off.
  function writeUrl() {
    if (wantedRef.current !== urlText) write(wantedRef.current);
  }
  return [state.filter, setFilter, writeUrl];
}
