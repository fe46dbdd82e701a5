import type { Metadata } from "next";
import type { IncidentList } from "#lib/api/incident";
import { IncidentsScreen } from "../../../components/incident/incidents-screen.tsx";
import { HubTrouble } from "../../../components/shell/hub-trouble.tsx";
import { askHub } from "../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Incidents" };

export default async function IncidentsPage() {
  const answer = await askHub<IncidentList>("/incidents");
  if (!answer.ok) return <HubTrouble detail={answer.detail} />;
  return <IncidentsScreen seed={answer.data} />;
}
