import { expect, test } from "vitest";
import { apiQuery, beforeOf, filterFromUrl, filterToQuery, NO_FILTER } from "./audit-filter.ts";

test("a filter goes through the URL and comes back", () => {
  const filter = { ...NO_FILTER, q: "db & more", type: "act-intended", since: "2026-11-25T09:00" };
  expect(filterFromUrl(new URLSearchParams(filterToQuery(filter)))).toEqual(filter);
  expect(filterToQuery(NO_FILTER)).toBe("");
});

test("a time that is none is as if it were absent", () => {
  expect(filterFromUrl(new URLSearchParams("since=yesterday&until=2026-11-25T09:00")).since).toBe("");
});

test("the hub is asked in UTC, and for what is older than the last row", () => {
  expect(apiQuery({ ...NO_FILTER, until: "2026-11-25T09:00" }, 100, 7)).toBe("/audit?until=2026-11-25T09%3A00Z&limit=100&before=7");
  expect(beforeOf("/api/v1/audit?limit=100&before=7")).toBe(7);
  expect(beforeOf(undefined)).toBeUndefined();
});
