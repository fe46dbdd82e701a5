import fc from "fast-check";
import { expect, test } from "vitest";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { COLUMN_IDS, FIXED_COLUMNS, SORT_KEY, nextSort } from "./column-ids.ts";
import { FACETS } from "./facets.ts";
import { DEFAULT_VIEW, viewFromUrl, viewToUrl, withColumn } from "./fleet-url.ts";
import type { FleetView } from "./fleet-url.ts";

const readBack = (url: string) => viewFromUrl(new URL(url, "http://localhost").searchParams);

/** Whatever a host, tag or server may be called: spaces, ampersands, other scripts. */
const value = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }).filter((text) => text.isWellFormed());
const facets = fc.record(
  Object.fromEntries(
    FACETS.map((facet) => [
      facet,
      facet === "verdict"
        ? fc.uniqueArray(fc.constantFrom(...HEALTH_KINDS), { minLength: 1 })
        : fc.uniqueArray(value, { minLength: 1, maxLength: 5 }),
    ]),
  ),
  { requiredKeys: [] },
);
const view: fc.Arbitrary<FleetView> = fc.record({
  search: fc.string({ maxLength: 40 }).map((text) => text.trim()),
  facets,
  sort: fc.option(
    fc.record({ column: fc.constantFrom(...COLUMN_IDS.filter((id) => SORT_KEY[id] !== undefined)), isDescending: fc.boolean() }),
    { nil: undefined },
  ),
  columns: fc.subarray([...COLUMN_IDS]).map((chosen) => COLUMN_IDS.filter((id) => FIXED_COLUMNS.includes(id) || chosen.includes(id))),
  density: fc.constantFrom("comfortable", "dense"),
  shape: fc.constantFrom("table", "map"),
});

test("every view survives the way through the URL", () => {
  fc.assert(
    fc.property(view, (shown) => {
      expect(readBack(viewToUrl(shown))).toEqual(shown);
    }),
  );
});

test("no text in the URL makes a view that cannot be shown", () => {
  fc.assert(
    fc.property(fc.string(), (query) => {
      const shown = viewFromUrl(new URLSearchParams(query));
      expect(readBack(viewToUrl(shown))).toEqual({ ...shown, search: shown.search.trim() });
    }),
  );
});

test("the URL of what is shown by itself is bare", () => {
  expect(viewToUrl(DEFAULT_VIEW)).toBe("/");
  expect(viewToUrl({ ...DEFAULT_VIEW, search: "  " })).toBe("/");
});

test("the links of before still lead to what they led to", () => {
  expect(readBack("/?verdict=io-stalled&q=kvm-03")).toEqual({
    ...DEFAULT_VIEW,
    search: "kvm-03",
    facets: { verdict: ["io-stalled"] },
  });
});

test("what is none of ours is as if it were absent", () => {
  expect(readBack("/?verdict=healthy-ish&sort=-colour&density=loose&view=globe&cols=paint")).toEqual({
    ...DEFAULT_VIEW,
    columns: FIXED_COLUMNS,
  });
});

test("a column that is added stands in its place, and the fixed ones cannot be taken away", () => {
  const more = withColumn({ ...DEFAULT_VIEW, columns: ["verdict", "name", "note"] }, "launcher", true);
  expect(more.columns).toEqual(["verdict", "name", "launcher", "note"]);
  expect(withColumn(more, "name", false).columns).toContain("name");
});

test("a heading sorts one way, then the other, then not", () => {
  const once = nextSort(undefined, "host");
  const twice = nextSort(once, "host");
  expect([once, twice, nextSort(twice, "host")]).toEqual([
    { column: "host", isDescending: false },
    { column: "host", isDescending: true },
    undefined,
  ]);
});
