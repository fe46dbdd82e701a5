import { queryOptions } from "@tanstack/react-query";
import type { AuditRow } from "#lib/audit/events";
import { apiGet } from "./api.ts";
import { keys } from "./keys.ts";

const AUDIT_REFRESH_MS = 5_000;
const AUDIT_ROWS = 200;

/** The newest rows of the record; newest first. */
export function auditQuery() {
  return queryOptions({
    queryKey: keys.audit,
    queryFn: async ({ signal }) => (await apiGet<{ rows: AuditRow[] }>(`/audit?limit=${AUDIT_ROWS}`, signal)).rows,
    refetchInterval: AUDIT_REFRESH_MS,
  });
}
