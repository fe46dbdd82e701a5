import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { AuditState } from "#lib/audit/chain-state";
import type { AuditRow } from "#lib/audit/events";
import { apiQuery, AUDIT_ROWS, beforeOf, filterToQuery } from "../audit/audit-filter.ts";
import type { AuditFilter } from "../audit/audit-filter.ts";
import { apiGet } from "./api.ts";
import { keys } from "./keys.ts";

const AUDIT_REFRESH_MS = 5_000;
const STATE_REFRESH_MS = 10_000;

export interface AuditPage {
  rows: AuditRow[];
  /** Where older rows are, if there may be any. */
  next?: string;
}

/** The rows of the record that fit, newest first. What is asked for again is all that was shown, so only while that is little. */
export function auditQuery(filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: keys.auditRows(filterToQuery(filter)),
    queryFn: ({ signal, pageParam }) => apiGet<AuditPage>(apiQuery(filter, AUDIT_ROWS, pageParam), signal),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => beforeOf(page.next),
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) > 1 ? false : AUDIT_REFRESH_MS),
  });
}

/** Whether the record is as it was written. */
export function auditStateQuery() {
  return queryOptions({
    queryKey: keys.auditState,
    queryFn: ({ signal }) => apiGet<AuditState>("/audit/state", signal),
    refetchInterval: STATE_REFRESH_MS,
  });
}
