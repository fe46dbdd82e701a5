import { COLUMN_IDS, DEFAULT_COLUMNS, FIXED_COLUMNS, SORT_KEY } from "./column-ids.ts";
import type { ColumnId, FleetSort } from "./column-ids.ts";
import { FACETS, isHealthKind } from "./facets.ts";
import type { ChosenFacets, Facet } from "./facets.ts";

/** All that an operator chose of how the fleet is shown. It lives in the URL, so that it can be shared and gone back to. */
export interface FleetView {
  search: string;
  facets: ChosenFacets;
  /** Undefined: the worst first, the quiet ones by name. */
  sort: FleetSort | undefined;
  /** In the order of COLUMN_IDS; never without the fixed ones. */
  columns: readonly ColumnId[];
  density: "comfortable" | "dense";
  shape: "table" | "map";
}

export const DEFAULT_VIEW: FleetView = {
  search: "",
  facets: {},
  sort: undefined,
  columns: DEFAULT_COLUMNS,
  density: "comfortable",
  shape: "table",
};

const MAX_VALUES = 100;
const MAX_VALUE_LENGTH = 300;

/** @param params the page's query; anything that is not ours is as if it were absent. */
export function viewFromUrl(params: Pick<URLSearchParams, "get" | "getAll">): FleetView {
  return {
    search: params.get("q") ?? "",
    facets: readFacets(params),
    sort: readSort(params.get("sort") ?? ""),
    columns: readColumns(params.get("cols")),
    density: params.get("density") === "dense" ? "dense" : "comfortable",
    shape: params.get("view") === "map" ? "map" : "table",
  };
}

/** The path with its query, without what is as it is by itself. */
export function viewToUrl({ search, facets, sort, columns, density, shape }: FleetView): string {
  const params = new URLSearchParams();
  for (const facet of FACETS) for (const value of facets[facet] ?? []) params.append(facet, value);
  if (search.trim()) params.set("q", search.trim());
  if (sort) params.set("sort", `${sort.isDescending ? "-" : ""}${sort.column}`);
  if (columns.join() !== DEFAULT_COLUMNS.join()) params.set("cols", columns.filter((id) => !FIXED_COLUMNS.includes(id)).join("."));
  if (density === "dense") params.set("density", density);
  if (shape === "map") params.set("view", shape);
  const query = params.toString();
  return query === "" ? "/" : `/?${query}`;
}

/** Whether anything narrows what is shown. */
export function isNarrowed({ search, facets }: Pick<FleetView, "search" | "facets">): boolean {
  return search.trim() !== "" || Object.keys(facets).length > 0;
}

/** The same view with a column more, or without it. */
export function withColumn(view: FleetView, id: ColumnId, isShown: boolean): FleetView {
  const wanted = new Set<ColumnId>(view.columns);
  if (isShown) wanted.add(id);
  else wanted.delete(id);
  return { ...view, columns: inOrder(wanted) };
}

function readFacets(params: Pick<URLSearchParams, "getAll">): ChosenFacets {
  const facets: Partial<Record<Facet, readonly string[]>> = {};
  for (const facet of FACETS) {
    const values = [...new Set(params.getAll(facet))].filter(
      (value) => value !== "" && value.length <= MAX_VALUE_LENGTH && (facet !== "verdict" || isHealthKind(value)),
    );
    if (values.length > 0) facets[facet] = values.slice(0, MAX_VALUES);
  }
  return facets;
}

function readSort(text: string): FleetSort | undefined {
  const isDescending = text.startsWith("-");
  const column = COLUMN_IDS.find((id) => id === (isDescending ? text.slice(1) : text));
  return column === undefined || SORT_KEY[column] === undefined ? undefined : { column, isDescending };
}

function readColumns(text: string | null): readonly ColumnId[] {
  if (text === null) return DEFAULT_COLUMNS;
  const named = new Set(text.split("."));
  return inOrder(new Set(COLUMN_IDS.filter((id) => named.has(id))));
}

function inOrder(wanted: ReadonlySet<ColumnId>): readonly ColumnId[] {
  return COLUMN_IDS.filter((id) => FIXED_COLUMNS.includes(id) || wanted.has(id));
}
