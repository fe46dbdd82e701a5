import type { Metadata } from "next";
import type { IncidentList } from "#lib/api/incident";
import type { FleetSnapshot } from "#lib/api/vm";
import { FleetScreen } from "../../components/fleet/fleet-screen.tsx";
import { HubTrouble } from "../../components/shell/hub-trouble.tsx";
import { askHub } from "../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Fleet" };

/** More rows than are in sight are not written into the page; the browser fetches the whole fleet compressed, and once. */
const SEEDED_ROWS = 100;

export default async function FleetPage() {
  const [answer, incidents] = await Promise.all([askHub<FleetSnapshot>(`/vms?limit=${SEEDED_ROWS}`), askHub<IncidentList>("/incidents")]);
  if (!answer.ok) return <HubTrouble detail={answer.detail} />;
  return <FleetScreen seed={answer.data} incidents={incidents.ok ? incidents.data : undefined} />;
}
