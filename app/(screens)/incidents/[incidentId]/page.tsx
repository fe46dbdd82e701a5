import type { Metadata } from "next";
import { notFound } from "next/navigation";
import type { IncidentDetail } from "#lib/api/incident";
import { IncidentScreen } from "../../../../components/incident/incident-screen.tsx";
import { HubTrouble } from "../../../../components/shell/hub-trouble.tsx";
import { askHub } from "../../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Incident" };

export default async function IncidentPage({ params }: { params: Promise<{ incidentId: string }> }) {
  const { incidentId } = await params;
  const answer = await askHub<IncidentDetail>(`/incidents/${encodeURIComponent(incidentId)}`);
  if (answer.ok) return <IncidentScreen key={answer.data.incidentId} seed={answer.data} />;
  if (answer.status === 404 || answer.status === 400 || answer.status === 422) notFound();
  return <HubTrouble detail={answer.detail} />;
}
