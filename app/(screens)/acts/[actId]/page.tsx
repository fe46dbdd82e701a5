import type { Metadata } from "next";
import { notFound } from "next/navigation";
import type { ActRecord } from "#lib/yank/act";
import { ActScreen } from "../../../../components/yank/act-screen.tsx";
import { HubTrouble } from "../../../../components/shell/hub-trouble.tsx";
import { askHub } from "../../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Act" };

export default async function ActPage({ params }: { params: Promise<{ actId: string }> }) {
  const { actId } = await params;
  const answer = await askHub<ActRecord>(`/acts/${encodeURIComponent(actId)}`);
  if (answer.ok) return <ActScreen key={answer.data.actId} seed={answer.data} />;
  if (answer.status === 404 || answer.status === 400 || answer.status === 422) notFound();
  return <HubTrouble detail={answer.detail} />;
}
