/** What the reader of the record looks for; kept in the URL, so that it can be shared. Times are UTC, as on the page. */
export interface AuditFilter {
  q: string;
  who: string;
  type: string;
  vmId: string;
  /** As a field for date and time holds it: 2026-11-25T09:00, in UTC. */
  since: string;
  until: string;
}

/** What one page of the record holds. */
export const AUDIT_ROWS = 100;
export const NO_FILTER: AuditFilter = { q: "", who: "", type: "", vmId: "", since: "", until: "" };
const KEYS = Object.keys(NO_FILTER) as (keyof AuditFilter)[];
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/;

/** @param params the page's query string; what is not ours is as if it were absent. */
export function filterFromUrl(params: { get: (name: string) => string | null }): AuditFilter {
  const filter = { ...NO_FILTER };
  for (const key of KEYS) filter[key] = (params.get(key) ?? "").trim().slice(0, 200);
  if (!DATE_TIME.test(filter.since)) filter.since = "";
  if (!DATE_TIME.test(filter.until)) filter.until = "";
  return filter;
}

/** The query string of the page, without what is not set; empty, or with its question mark. */
export function filterToQuery(filter: AuditFilter): string {
  const set = KEYS.flatMap((key) => (filter[key].trim() === "" ? [] : [[key, filter[key].trim()]]));
  return set.length === 0 ? "" : `?${new URLSearchParams(set).toString()}`;
}

/** What the hub is asked for. `before`: the number of the last row seen, for older ones. */
export function apiQuery(filter: AuditFilter, limit: number, before?: number): string {
  const params = new URLSearchParams(filterToQuery(filter));
  for (const key of ["since", "until"] as const) if (filter[key] !== "") params.set(key, `${filter[key]}Z`);
  params.set("limit", String(limit));
  if (before !== undefined) params.set("before", String(before));
  return `/audit?${params.toString()}`;
}

/** The number in the `next` of an answer. */
export function beforeOf(next: string | undefined): number | undefined {
  const before = Number(new URLSearchParams(next?.split("?")[1]).get("before"));
  return Number.isSafeInteger(before) && before > 0 ? before : undefined;
}
