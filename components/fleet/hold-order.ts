import type { VmSummary } from "#lib/api/vm";
import { isTrouble } from "#lib/health/verdict";
import type { VmId } from "#lib/vm/report";

/** What stood on the screen, and which of it stood there as trouble. */
export interface ShownOrder {
  ids: readonly VmId[];
  troubled: ReadonlySet<VmId>;
}

/**
 * The order of rows while somebody points at one or has one focused: all stay where they are, and so do those that do not
 * fit the filter any more, because a row that goes takes the focus with it. Only what is newly in trouble moves, to its
 * place among the troubled on top; and what is new to the list comes last. Pure.
 * @param wanted the rows that fit the filter, in the order in which they would stand by themselves
 * @param byId every VM that there is
 * @param anchor the row that is pointed at or focused; it does not move even for trouble
 */
export function holdOrder(
  shown: ShownOrder,
  wanted: readonly VmSummary[],
  { byId, anchor }: { byId: ReadonlyMap<VmId, VmSummary>; anchor: VmId | undefined },
): VmSummary[] {
  const isShown = new Set(shown.ids);
  const rising = wanted.filter((vm) => isTrouble(vm.health.kind) && !shown.troubled.has(vm.vmId) && vm.vmId !== anchor);
  const isRising = new Set(rising.map(({ vmId }) => vmId));
  const staying = shown.ids.flatMap((vmId) => (isRising.has(vmId) ? [] : (byId.get(vmId) ?? [])));
  const arriving = wanted.filter(({ vmId }) => !isShown.has(vmId) && !isRising.has(vmId));
  const rank = new Map(wanted.map(({ vmId }, index) => [vmId, index]));
  const rankOf = (vm: VmSummary) => rank.get(vm.vmId) ?? -1;
  const firstQuiet = staying.findIndex(({ vmId }) => !shown.troubled.has(vmId));
  const top = firstQuiet < 0 ? staying : staying.slice(0, firstQuiet);
  const rest = firstQuiet < 0 ? [] : staying.slice(firstQuiet);
  return [...merge(top, rising, rankOf), ...rest, ...arriving];
}

/** What to hold on to next: a row counts as trouble from when it was placed as such. */
export function shownOrder(rows: readonly VmSummary[]): ShownOrder {
  return { ids: rows.map(({ vmId }) => vmId), troubled: new Set(rows.flatMap((vm) => (isTrouble(vm.health.kind) ? [vm.vmId] : []))) };
}

/** Puts the second list into the first without changing the order of either. */
function merge(into: readonly VmSummary[], rising: readonly VmSummary[], rankOf: (vm: VmSummary) => number): VmSummary[] {
  const merged: VmSummary[] = [];
  let next = 0;
  for (const vm of into) {
    for (let candidate = rising[next]; candidate && rankOf(candidate) < rankOf(vm); candidate = rising[next]) {
      merged.push(candidate);
      next += 1;
    }
    merged.push(vm);
  }
  return [...merged, ...rising.slice(next)];
}
