import type { Metadata } from "next";
import { notFound } from "next/navigation";
import type { VmDetail } from "#lib/api/vm";
import { HubTrouble } from "../../../../components/shell/hub-trouble.tsx";
import { VmScreen } from "../../../../components/vm/vm-screen.tsx";
import { askHub } from "../../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "VM" };

export default async function VmPage({ params }: { params: Promise<{ vmId: string }> }) {
  const { vmId } = await params;
  const answer = await askHub<VmDetail>(`/vms/${encodeURIComponent(vmId)}`);
  if (answer.ok) return <VmScreen key={answer.data.vmId} seed={answer.data} />;
  // An id that cannot be one is as unknown as one that nobody has.
  if (answer.status === 404 || answer.status === 400 || answer.status === 422) notFound();
  return <HubTrouble detail={answer.detail} />;
}
