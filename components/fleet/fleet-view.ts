import { isTrouble, severityRank } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";
import type { BridgeView, VmSummary } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import { SORT_KEY } from "./column-ids.ts";
import type { FleetSort } from "./column-ids.ts";

/**
 * Problems first and pinned there; among them, and among the others, by the chosen column. Without one the worst come
 * first, the longest lasting first among equals; then by name and host, so that quiet rows keep their places. The order
 * of names is worked out once and kept: verdicts change many times a second, names hardly ever, and comparing thousands
 * of them as people do is what sorting costs.
 */
export function createFleetSorter(): (vms: readonly VmSummary[], sort?: FleetSort) => VmSummary[] {
  let named = new Map<VmId, { name: string; host: string; rank: number }>();
  return (vms, sort) => {
    const isKnown = vms.every((vm) => {
      const known = named.get(vm.vmId);
      return known?.name === vm.name && known.host === vm.host;
    });
    if (!isKnown) named = rankNames(vms);
    const rankOf = (vm: VmSummary) => named.get(vm.vmId)?.rank ?? 0;
    if (sort) return sortBy(vms, sort, rankOf);
    return vms.toSorted(
      (left, right) =>
        severityRank(left.health.kind) - severityRank(right.health.kind) ||
        (isQuiet(left.health.kind) ? 0 : left.health.sinceAtMs - right.health.sinceAtMs) ||
        rankOf(left) - rankOf(right),
    );
  };
}

function sortBy(vms: readonly VmSummary[], { column, isDescending }: FleetSort, rankOf: (vm: VmSummary) => number): VmSummary[] {
  const keyOf = SORT_KEY[column] ?? (() => 0);
  const keys = rankKeys(vms, column === "name" ? rankOf : keyOf);
  const sign = isDescending ? -1 : 1;
  return vms.toSorted(
    (left, right) =>
      Number(isTrouble(right.health.kind)) - Number(isTrouble(left.health.kind)) ||
      sign * ((keys.get(left) ?? 0) - (keys.get(right) ?? 0)) ||
      rankOf(left) - rankOf(right),
  );
}

/** A number for every row; texts are compared as people do, but each different one only once. */
function rankKeys(vms: readonly VmSummary[], keyOf: (vm: VmSummary) => number | string): Map<VmSummary, number> {
  const raw = vms.map((vm) => [vm, keyOf(vm)] as const);
  const texts = new Set(raw.flatMap(([, key]) => (typeof key === "string" ? [key] : [])));
  const rank = new Map([...texts].toSorted(NAMES.compare).map((text, index) => [text, index]));
  return new Map(raw.map(([vm, key]) => [vm, typeof key === "string" ? (rank.get(key) ?? 0) : key]));
}

function rankNames(vms: readonly VmSummary[]) {
  const inOrder = vms.toSorted(
    (left, right) => NAMES.compare(left.name, right.name) || NAMES.compare(left.host, right.host) || NAMES.compare(left.vmId, right.vmId),
  );
  return new Map(inOrder.map((vm, rank) => [vm.vmId, { name: vm.name, host: vm.host, rank }]));
}

/** The worst that is going on: its verdict, who has it, and the one that has it longest. Undefined while nothing is. */
export function worstTrouble(sorted: VmSummary[]): { kind: HealthKind; vms: VmSummary[]; longest: VmSummary } | undefined {
  const [longest] = sorted;
  if (!longest || !isTrouble(longest.health.kind)) return undefined;
  const { kind } = longest.health;
  return { kind, vms: sorted.filter((vm) => vm.health.kind === kind), longest };
}

function isQuiet(kind: HealthKind): boolean {
  return kind === "healthy" || kind === "slow";
}

/** Numbers inside names count as numbers: web-2 before web-10. The same order for every reader. */
const NAMES = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * Why no VM is listed. `reading`: a bridge is still telling, or this browser has not yet got what it told; only `none-found`
 * and `no-bridge` mean that there is something to set up.
 * @param isBehind the hub has a newer state of the fleet than this browser
 */
export function emptyReason(bridges: readonly BridgeView[], isBehind: boolean): "reading" | "waiting" | "no-bridge" | "none-found" {
  if (bridges.length === 0) return "no-bridge";
  if (isBehind || bridges.some((bridge) => bridge.isSyncing)) return "reading";
  return bridges.some((bridge) => bridge.isConnected) ? "none-found" : "waiting";
}
