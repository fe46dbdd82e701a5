import { HEALTH_KINDS } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";
import type { VmSummary } from "#lib/api/vm";
import { VERDICT_WORD } from "../vm/verdict-words.ts";

/** By what the fleet can be narrowed, beside the search. Each is also the name of its parameter in the URL. */
export const FACETS = ["verdict", "host", "far", "launcher", "state", "version", "tag"] as const;
export type Facet = (typeof FACETS)[number];

/** What was chosen of each: a VM is shown that has one of the values of every facet of which something is chosen. */
export type ChosenFacets = Partial<Record<Facet, readonly string[]>>;

export const FACET_WORD: Record<Facet, string> = {
  verdict: "Verdict",
  host: "Host",
  far: "Far side",
  launcher: "Launcher",
  state: "Run state",
  version: "QEMU",
  tag: "Tag",
};

/** What a VM without any value of a facet is filed under. */
export const NO_VALUE = "none";

/** Everything of this facet that a VM has; never empty. */
export function facetValues(vm: VmSummary, facet: Facet): readonly string[] {
  const values = VALUES[facet](vm);
  return values.length === 0 ? NONE : values;
}

export function matchesFacets(vm: VmSummary, chosen: ChosenFacets, except?: Facet): boolean {
  return FACETS.every((facet) => {
    const wanted = chosen[facet];
    return (
      facet === except || wanted === undefined || wanted.length === 0 || facetValues(vm, facet).some((value) => wanted.includes(value))
    );
  });
}

export interface FacetValue {
  value: string;
  count: number;
}

/**
 * The values of one facet with how many VMs would be shown with each, whatever is chosen of the others; in the order of
 * their names. One that is chosen stays, with a count of 0, when its last VM leaves it.
 * @param vms those that the search finds
 */
export function countFacet(vms: readonly VmSummary[], facet: Facet, chosen: ChosenFacets): FacetValue[] {
  const counts = new Map<string, number>((chosen[facet] ?? []).map((value) => [value, 0]));
  for (const vm of vms) {
    if (!matchesFacets(vm, chosen, facet)) continue;
    for (const value of facetValues(vm, facet)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].map(([value, count]) => ({ value, count })).toSorted((left, right) => VALUES_ORDER.compare(left.value, right.value));
}

/** Chooses one value more, or leaves it out again. */
export function toggleFacet(chosen: ChosenFacets, facet: Facet, value: string): ChosenFacets {
  const before = chosen[facet] ?? [];
  return withFacet(chosen, facet, before.includes(value) ? before.filter((other) => other !== value) : [...before, value]);
}

export function withFacet(chosen: ChosenFacets, facet: Facet, values: readonly string[]): ChosenFacets {
  const { [facet]: _, ...rest } = chosen;
  return values.length === 0 ? rest : { ...rest, [facet]: values };
}

/** How a value is written on the screen. */
export function facetValueWord(facet: Facet, value: string): string {
  if (facet === "verdict" && isHealthKind(value)) return VERDICT_WORD[value];
  return value === NO_VALUE ? NONE_WORD[facet] : value;
}

export function isHealthKind(value: string): value is HealthKind {
  return HEALTH_KINDS.some((kind) => kind === value);
}

const NONE: readonly string[] = [NO_VALUE];

const NONE_WORD: Record<Facet, string> = {
  verdict: "Unknown",
  host: "No host",
  far: "None known",
  launcher: "Not known",
  state: "Not known",
  version: "Not known",
  tag: "No tag",
};

const VALUES: Record<Facet, (vm: VmSummary) => readonly string[]> = {
  verdict: (vm) => [vm.health.kind],
  host: (vm) => [vm.host],
  far: farSidesOf,
  launcher: (vm) => [vm.launcher],
  state: (vm) => (vm.runState === undefined ? [] : [vm.runState]),
  version: (vm) => (vm.qemuVersion === undefined ? [] : [vm.qemuVersion]),
  tag: (vm) => vm.tags,
};

/** Where its connections lead; an older hub tells only that of the suspect. */
export function farSidesOf({ farSides, suspect }: Pick<VmSummary, "farSides" | "suspect">): readonly string[] {
  return farSides ?? (suspect?.farSide === undefined ? [] : [suspect.farSide.text]);
}

const VALUES_ORDER = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
