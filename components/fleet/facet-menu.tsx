"use client";
import { useState } from "react";
import type { VmSummary } from "#lib/api/vm";
import { formatNumber } from "../ui/format.ts";
import { DropDown } from "./drop-down.tsx";
import { countFacet, FACET_WORD, facetValueWord, toggleFacet } from "./facets.ts";
import type { ChosenFacets, Facet } from "./facets.ts";

/** More than so many values get a field to find one in them, */
const FIND_FROM = 10;
/** and no more than so many are drawn at once. */
const MAX_DRAWN = 100;

interface FacetMenuProps {
  label: string;
  facets: readonly Facet[];
  /** What the search finds. */
  found: readonly VmSummary[];
  chosen: ChosenFacets;
  onChoose: (chosen: ChosenFacets) => void;
}

/** One or several facets with their values and how many VMs have each. */
export function FacetMenu({ label, facets, found, chosen, onChoose }: FacetMenuProps) {
  const count = facets.reduce((sum, facet) => sum + (chosen[facet]?.length ?? 0), 0);
  return (
    <DropDown label={count === 0 ? label : `${label}: ${count}`} isActive={count > 0}>
      {() => (
        <div className="grid gap-4">
          {facets.map((facet) => (
            <FacetValues key={facet} facet={facet} found={found} chosen={chosen} onChoose={onChoose} />
          ))}
        </div>
      )}
    </DropDown>
  );
}

function FacetValues({ facet, found, chosen, onChoose }: Omit<FacetMenuProps, "label" | "facets"> & { facet: Facet }) {
  const [search, setSearch] = useState("");
  const values = countFacet(found, facet, chosen);
  const matching = values.filter(({ value }) => facetValueWord(facet, value).toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1 font-semibold text-strong">{FACET_WORD[facet]}</legend>
      {values.length > FIND_FROM && (
        <input
          type="search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          aria-label={`Find among ${FACET_WORD[facet]}`}
          placeholder={`Find among ${formatNumber(values.length)}`}
          className="mb-1 h-8 w-full rounded-lg border border-line-strong bg-base px-2 text-strong placeholder:text-quiet"
        />
      )}
      <ul>
        {matching.slice(0, MAX_DRAWN).map(({ value, count }) => (
          <li key={value}>
            <label className="flex min-h-7 items-center gap-2 rounded px-1 text-strong hover:bg-sunken">
              <input
                type="checkbox"
                checked={chosen[facet]?.includes(value) ?? false}
                onChange={() => onChoose(toggleFacet(chosen, facet, value))}
                className="size-4 shrink-0 accent-(--hue-info)"
              />
              <span className="min-w-0 flex-1 truncate" title={value}>
                {facetValueWord(facet, value)}
              </span>
              <span className="text-body">{formatNumber(count)}</span>
            </label>
          </li>
        ))}
      </ul>
      {matching.length > MAX_DRAWN && <p className="mt-1 px-1">{formatNumber(matching.length - MAX_DRAWN)} more: type to find one</p>}
      {matching.length === 0 && <p className="px-1">None is called that</p>}
    </fieldset>
  );
}
