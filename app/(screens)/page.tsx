import type { Metadata } from "next";
import type { IncidentList } from "#lib/api/incident";
import type { FleetSnapshot } from "#lib/api/vm";
import { FleetScreen } from "../../components/fleet/fleet-screen.tsx";
import { HubTrouble } from "../../components/shell/hub-trouble.tsx";
import { askHub } from "../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Fleet" };

/** A larger fleet is not written into the page; the browser fetches it compressed, and once. */
const MAX_SEEDED_VMS = 500;

export default async function FleetPage() {
  const [answer, incidents] = await Promise.all([askHub<FleetSnapshot>("/vms"), askHub<IncidentList>("/incidents")]);
  if (!answer.ok) return <HubTrouble detail={answer.detail} />;
  return (
    <FleetScreen
      seed={answer.data.vms.length <= MAX_SEEDED_VMS ? answer.data : undefined}
      incidents={incidents.ok ? incidents.data : undefined}
    />
  );
}
