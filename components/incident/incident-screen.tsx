"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import type { IncidentDetail } from "#lib/api/incident";
import { fleetQuery } from "../queries/fleet.ts";
import { useIncident } from "../queries/incidents.ts";
import { HangAnnouncer } from "../fleet/hang-announcer.tsx";
import { useCannotSend, useHubAsOf } from "../realtime/use-freshness.ts";
import { Screen } from "../shell/screen.tsx";
import { useYankDesk } from "../yank/use-yank-desk.ts";
import { YankDialog } from "../yank/yank-dialog.tsx";
import { IncidentActs } from "./incident-acts.tsx";
import { IncidentHeader } from "./incident-header.tsx";
import { MembersCard } from "./members-card.tsx";
import { NOTHING_SELECTED, planTargets, stillSelected } from "./member-selection.ts";
import { NotesCard } from "./notes-card.tsx";
import { TimelineCard } from "./timeline-card.tsx";

/** One incident: its cause, its members with their cords, what was done, and all that happened on one clock. */
export function IncidentScreen({ seed }: { seed: IncidentDetail }) {
  const { data: incident } = useIncident(seed);
  const { data: fleet } = useQuery(fleetQuery());
  const [chosen, setChosen] = useState(NOTHING_SELECTED);
  const desk = useYankDesk();
  const cannotSend = useCannotSend();
  const asOf = useHubAsOf();
  const selection = stillSelected(chosen, incident.cords);
  function handlePlan() {
    desk.ask({ action: "yank", targets: planTargets(selection, incident), incidentId: incident.incidentId });
  }
  return (
    <Screen heading={<Heading incident={incident} />}>
      {fleet && <HangAnnouncer vms={fleet.vms} />}
      <IncidentHeader incident={incident} asOf={asOf} cannotSend={cannotSend} />
      <div className="mt-4 grid gap-4 xl:grid-cols-[3fr_2fr]">
        <div className="min-w-0 max-xl:-order-2 xl:col-span-2">
          <MembersCard
            incident={incident}
            vms={fleet?.vms}
            selection={selection}
            onSelect={setChosen}
            cannotSend={cannotSend}
            onPlan={handlePlan}
          />
        </div>
        <TimelineCard incident={incident} />
        <div className="grid min-w-0 content-start gap-4 max-xl:-order-1">
          <IncidentActs acts={incident.acts} />
          <NotesCard incident={incident} cannotSend={cannotSend} />
        </div>
      </div>
      <YankDialog desk={desk} cannotSend={cannotSend} />
    </Screen>
  );
}

function Heading({ incident }: { incident: IncidentDetail }) {
  return (
    <nav aria-label="Breadcrumb" className="flex min-w-0 items-baseline gap-2 text-lg">
      <Link href="/incidents" className="rounded text-body hover:text-strong">
        Incidents
      </Link>
      <span aria-hidden="true" className="text-quiet">
        /
      </span>
      <span className="font-semibold text-strong">{incident.number}</span>
    </nav>
  );
}
