"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { IncidentList } from "#lib/api/incident";
import type { IncidentSummary } from "#lib/incident/incident";
import { KIND_WORDS } from "#lib/incident/title";
import { useHubAsOf } from "../realtime/use-freshness.ts";
import { incidentsQuery } from "../queries/incidents.ts";
import { Screen } from "../shell/screen.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatCount, formatUtc, formatUtcTime } from "../ui/format.ts";
import { inOrder, lastedWords, membersWords } from "./incident-words.ts";
import { StateIcon, StateWord } from "./state-label.tsx";

const DAY_MS = 86_400_000;
/** What the hub lists without being asked for more. */
const LISTED_INCIDENTS = 100;

/** Every incident: the open ones first. */
export function IncidentsScreen({ seed }: { seed: IncidentList }) {
  const { data } = useQuery({ ...incidentsQuery(), initialData: seed });
  const asOf = useHubAsOf();
  const incidents = inOrder(data.incidents);
  const openCount = incidents.filter(({ state }) => state === "open").length;
  return (
    <Screen
      heading={
        <h1 className="text-lg font-semibold text-strong">
          Incidents
          <span className="ml-3 text-base font-normal text-body">{openCount === 0 ? "none open" : `${openCount} open`}</span>
        </h1>
      }
    >
      {incidents.length === 0 ? (
        <div className="mx-auto mt-10 max-w-120 text-center">
          <p className="font-semibold text-strong">No incident</p>
          <p className="mt-1">A VM that gets into trouble opens one, and every other VM that hangs on the same thing joins it.</p>
        </div>
      ) : (
        <ul aria-label="Incidents, open ones first" className={cx("-mx-4 sm:-mx-6", asOf.isStale && "is-stale")}>
          {incidents.map((incident) => (
            <Row key={incident.incidentId} incident={incident} {...asOf} />
          ))}
        </ul>
      )}
      {incidents.length >= LISTED_INCIDENTS && (
        <p className="mt-3 text-sm">The newest {LISTED_INCIDENTS} are listed; the API pages through the older ones.</p>
      )}
    </Screen>
  );
}

function Row({ incident, isStale, asOfMs }: { incident: IncidentSummary; isStale: boolean; asOfMs: number }) {
  const { state, worstKind, title, number, hosts, beganAtMs, cause, flapCount, noteCount } = incident;
  const isOver = state === "resolved";
  const extras = [
    flapCount > 0 && `fell back ${formatCount(flapCount, "time")}`,
    noteCount > 0 && formatCount(noteCount, "note"),
    incident.continuesId !== undefined && "continues an earlier one",
    incident.mergedIntoId !== undefined && "goes on in another one",
  ].filter(Boolean);
  return (
    <li className="relative grid grid-cols-[24px_1fr] gap-x-3 border-b border-line px-4 py-3 hover:bg-sunken has-[a:focus-visible]:bg-sunken sm:px-6 lg:grid-cols-[24px_minmax(0,1fr)_240px_260px]">
      <span className="pt-0.5">
        <StateIcon state={state} kind={worstKind} size={20} isStale={isStale} />
      </span>
      <div className="min-w-0 wrap-anywhere">
        <Link
          href={`/incidents/${incident.incidentId}`}
          prefetch={false}
          className={cx(
            "text-strong after:absolute after:inset-0 after:content-[''] focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-info",
            !isOver && "font-semibold",
          )}
        >
          {title}
        </Link>
        <p className="text-body">
          <span className="text-quiet">{number}</span> ·{" "}
          {[title.includes(cause.text) ? "" : cause.text, hosts.join(", "), ...extras].filter(Boolean).join(" · ")}
        </p>
      </div>
      <p className="max-lg:col-start-2">
        <StateWord state={state} kind={worstKind} isStale={isStale} />
        <span className="text-body lg:block">
          <span className="lg:hidden"> · </span>
          {state === "open" ? membersWords(incident) : `${formatCount(incident.memberCount, "VM")}, worst ${KIND_WORDS[worstKind]}`}
        </span>
      </p>
      <p className="max-lg:col-start-2 lg:text-right">
        <span className={cx(state === "open" && !isStale && "text-strong")}>{lastedWords(incident, asOfMs)}</span>
        <span className="text-body lg:block">
          <span className="lg:hidden"> · </span>
          <time dateTime={new Date(beganAtMs).toISOString()} title={formatUtc(beganAtMs)} className="whitespace-nowrap">
            {beganWords(incident, asOfMs)}
          </time>
        </span>
      </p>
    </li>
  );
}

function beganWords({ state, beganAtMs }: IncidentSummary, nowMs: number): string {
  if (nowMs - beganAtMs > DAY_MS) return formatUtc(beganAtMs);
  return state === "open" ? `since ${formatUtcTime(beganAtMs)}` : `${formatUtcTime(beganAtMs)}, ${formatAgeInWords(nowMs - beganAtMs)} ago`;
}
