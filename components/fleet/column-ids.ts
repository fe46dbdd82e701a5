import type { VmSummary } from "#lib/api/vm";
import { severityRank } from "#lib/health/verdict";
import { farSidesOf } from "./facets.ts";

/** The columns that there are, in the order in which they stand. Verdict and name are always shown. */
export const COLUMN_IDS = [
  "verdict",
  "name",
  "host",
  "since",
  "clocks",
  "state",
  "launcher",
  "version",
  "tags",
  "far",
  "note",
  "yankable",
] as const;
export type ColumnId = (typeof COLUMN_IDS)[number];

export const FIXED_COLUMNS: readonly ColumnId[] = ["verdict", "name"];
export const DEFAULT_COLUMNS: readonly ColumnId[] = ["verdict", "name", "host", "since", "clocks", "state", "note", "yankable"];

export const COLUMN_TITLE: Record<ColumnId, string> = {
  verdict: "Verdict",
  name: "VM",
  host: "Host",
  since: "Since",
  clocks: "In-band / out-of-band",
  state: "Run state",
  launcher: "Launcher",
  version: "QEMU",
  tags: "Tags",
  far: "Far side",
  note: "What is known",
  yankable: "Yankable",
};

export interface FleetSort {
  column: ColumnId;
  isDescending: boolean;
}

/** A click on a heading: first one way, then the other, then as it was. */
export function nextSort(sort: FleetSort | undefined, column: ColumnId): FleetSort | undefined {
  if (sort?.column !== column) return { column, isDescending: false };
  return sort.isDescending ? undefined : { column, isDescending: true };
}

/** Smaller first; what is not known comes last. Undefined for what has no order of its own. */
export const SORT_KEY: Record<ColumnId, ((vm: VmSummary) => number | string) | undefined> = {
  verdict: (vm) => severityRank(vm.health.kind),
  // The order of names is kept by the sorter itself, which knows every name's place.
  name: () => 0,
  host: (vm) => vm.host,
  since: (vm) => vm.health.sinceAtMs,
  clocks: (vm) => laneKey(vm),
  state: (vm) => vm.runState ?? "\uffff",
  launcher: (vm) => vm.launcher,
  version: (vm) => vm.qemuVersion ?? "\uffff",
  tags: (vm) => vm.tags.join(" ") || "\uffff",
  far: (vm) => farSidesOf(vm).join(" ") || "\uffff",
  note: undefined,
  yankable: (vm) => vm.yankableCount,
};

/** The slower its in-band lane, the earlier: a request that is open longest is first. */
function laneKey({ lanes: { inBand } }: VmSummary): number {
  if (inBand.state === "open") return inBand.openSinceAtMs - Number.MAX_SAFE_INTEGER / 2;
  return inBand.state === "answered" ? -["<10ms", "<100ms", "<1s", ">=1s"].indexOf(inBand.bucket) : 1;
}
