import { Grid3x3, Rows3 } from "lucide-react";
import { useMemo } from "react";
import type { VmSummary } from "#lib/api/vm";
import { HEALTH_KINDS } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";
import { Button } from "../ui/button.tsx";
import { cx } from "../ui/cx.ts";
import { FacetMenu } from "./facet-menu.tsx";
import { countFacet, isHealthKind, toggleFacet, withFacet } from "./facets.ts";
import type { Facet } from "./facets.ts";
import { isNarrowed } from "./fleet-url.ts";
import type { FleetView } from "./fleet-url.ts";
import { VerdictFilter } from "./verdict-filter.tsx";
import { ViewMenu } from "./view-menu.tsx";

const MORE_FACETS: readonly Facet[] = ["state", "launcher", "version", "tag"];

interface FilterBarProps {
  /** What the search finds. */
  found: readonly VmSummary[];
  /** Of the whole fleet, while only its first rows are known. */
  counts: Partial<Record<HealthKind, number>> | undefined;
  view: FleetView;
  isStale: boolean;
  onView: (view: FleetView) => void;
  /** How many more rows could be chosen for a plan. */
  selectableCount: number;
  onSelectAll: () => void;
}

/** By what the fleet is narrowed, and how it is looked at. */
export function FilterBar({ found, counts, view, isStale, onView, selectableCount, onSelectAll }: FilterBarProps) {
  const { facets } = view;
  const verdicts = useMemo(() => (counts ? knownCounts(counts) : verdictCounts(found, facets)), [counts, found, facets]);
  const total = [...verdicts.values()].reduce((sum, count) => sum + count, 0);
  const menu = { found, chosen: facets, onChoose: (chosen: typeof facets) => onView({ ...view, facets: chosen }) };
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 pb-1">
      <VerdictFilter
        counts={verdicts}
        total={total}
        selected={facets.verdict ?? []}
        isStale={isStale}
        onSelect={(kind) =>
          onView({ ...view, facets: kind === undefined ? withFacet(facets, "verdict", []) : toggleFacet(facets, "verdict", kind) })
        }
      />
      <div className="flex flex-wrap items-center gap-2">
        {selectableCount > 1 && view.shape === "table" && (
          <Button size="small" onClick={onSelectAll} className="max-lg:hidden">
            Select {selectableCount} to yank
          </Button>
        )}
        {isNarrowed(view) && (
          <Button size="small" tone="ghost" onClick={() => onView({ ...view, search: "", facets: {} })}>
            Clear
          </Button>
        )}
        <FacetMenu label="Host" facets={["host"]} {...menu} />
        <FacetMenu label="Far side" facets={["far"]} {...menu} />
        <FacetMenu label="More" facets={MORE_FACETS} {...menu} />
        <ViewMenu view={view} onView={onView} />
        <Shapes view={view} onView={onView} />
      </div>
    </div>
  );
}

function Shapes({ view, onView }: Pick<FilterBarProps, "view" | "onView">) {
  return (
    <div role="group" aria-label="Show as" className="flex rounded-full border border-line p-0.5">
      {(["table", "map"] as const).map((shape) => (
        <button
          key={shape}
          type="button"
          aria-pressed={view.shape === shape}
          onClick={() => onView({ ...view, shape })}
          className={cx(
            "inline-flex min-h-7 items-center gap-1.5 rounded-full px-2.5 text-sm",
            view.shape === shape ? "bg-sunken text-strong" : "text-body hover:text-strong",
          )}
        >
          {shape === "table" ? <Rows3 size={14} aria-hidden="true" /> : <Grid3x3 size={14} aria-hidden="true" />}
          {shape === "table" ? "Table" : "Map"}
        </button>
      ))}
    </div>
  );
}

function knownCounts(counts: Partial<Record<HealthKind, number>>): Map<HealthKind, number> {
  return new Map(HEALTH_KINDS.flatMap((kind) => (counts[kind] === undefined ? [] : [[kind, counts[kind]]])));
}

function verdictCounts(found: readonly VmSummary[], facets: FleetView["facets"]): Map<HealthKind, number> {
  return new Map(countFacet(found, "verdict", facets).flatMap(({ value, count }) => (isHealthKind(value) ? [[value, count]] : [])));
}
