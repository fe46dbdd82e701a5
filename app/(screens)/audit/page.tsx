import type { Metadata } from "next";
import type { AuditRow } from "#lib/audit/events";
import { AuditScreen } from "../../../components/audit/audit-screen.tsx";
import { HubTrouble } from "../../../components/shell/hub-trouble.tsx";
import { askHub } from "../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Audit" };

export default async function AuditPage() {
  const answer = await askHub<{ rows: AuditRow[] }>("/audit?limit=200");
  if (!answer.ok) return <HubTrouble detail={answer.detail} />;
  return <AuditScreen seed={answer.data.rows} />;
}
