import type { Metadata } from "next";
import type { AuditState } from "#lib/audit/chain-state";
import { apiQuery, AUDIT_ROWS, filterFromUrl, filterToQuery } from "../../../components/audit/audit-filter.ts";
import { AuditScreen } from "../../../components/audit/audit-screen.tsx";
import type { AuditPage as Rows } from "../../../components/queries/audit.ts";
import { HubTrouble } from "../../../components/shell/hub-trouble.tsx";
import { askHub } from "../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Audit" };

export default async function AuditPage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  const params = await searchParams;
  const filter = filterFromUrl({ get: (name) => [params[name]].flat()[0] ?? null });
  const [rows, state] = await Promise.all([askHub<Rows>(apiQuery(filter, AUDIT_ROWS)), askHub<AuditState>("/audit/state")]);
  if (!rows.ok) return <HubTrouble detail={rows.detail} />;
  // Another filter is another search: its fields and pages begin anew.
  return <AuditScreen key={filterToQuery(filter)} filter={filter} seed={rows.data} stateSeed={state.ok ? state.data : undefined} />;
}
