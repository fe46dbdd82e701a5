import { HEALTH_KINDS, isTrouble, severityRank } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";
import type { BridgeView, VmSummary } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";

/** What the operator looks at; kept in the URL, so that it can be shared. */
export interface FleetFilter {
  verdict: HealthKind | undefined;
  search: string;
}

/** @param params the page's query string; anything that is not ours is as if it were absent. */
export function filterFromUrl(params: { get: (name: string) => string | null }): FleetFilter {
  const verdict = HEALTH_KINDS.find((kind) => kind === params.get("verdict"));
  return { verdict, search: params.get("q") ?? "" };
}

/** The path with its query, without what is not set. */
export function filterToUrl(filter: FleetFilter): string {
  const params = new URLSearchParams();
  if (filter.verdict) params.set("verdict", filter.verdict);
  if (filter.search.trim()) params.set("q", filter.search.trim());
  const query = params.toString();
  return query === "" ? "/" : `/?${query}`;
}

/**
 * Problems first, the longest lasting first among equals; then by name and host, so that quiet rows keep their places.
 * The order of names is worked out once and kept: verdicts change many times a second, names hardly ever, and comparing
 * thousands of them as people do is what sorting costs.
 */
export function createFleetSorter(): (vms: VmSummary[]) => VmSummary[] {
  let named = new Map<VmId, { name: string; host: string; rank: number }>();
  return (vms) => {
    const isKnown = vms.every((vm) => {
      const known = named.get(vm.vmId);
      return known?.name === vm.name && known.host === vm.host;
    });
    if (!isKnown) named = rankNames(vms);
    const rankOf = (vm: VmSummary) => named.get(vm.vmId)?.rank ?? 0;
    return vms.toSorted(
      (left, right) =>
        severityRank(left.health.kind) - severityRank(right.health.kind) ||
        (isQuiet(left.health.kind) ? 0 : left.health.sinceAtMs - right.health.sinceAtMs) ||
        rankOf(left) - rankOf(right),
    );
  };
}

function rankNames(vms: VmSummary[]) {
  const inOrder = vms.toSorted(
    (left, right) => NAMES.compare(left.name, right.name) || NAMES.compare(left.host, right.host) || NAMES.compare(left.vmId, right.vmId),
  );
  return new Map(inOrder.map((vm, rank) => [vm.vmId, { name: vm.name, host: vm.host, rank }]));
}

/** Whether a VM is found by every word of the search in its name, host, address or tags. */
export function matchesSearch(vm: VmSummary, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [vm.name, vm.host, vm.address, ...vm.tags].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** How many VMs have each verdict. Kinds without any are absent. */
export function countByVerdict(vms: VmSummary[]): Map<HealthKind, number> {
  const counts = new Map<HealthKind, number>();
  for (const { health } of vms) counts.set(health.kind, (counts.get(health.kind) ?? 0) + 1);
  return counts;
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
