import type { VmId } from "../vm/report.ts";
import type { VmCondition } from "./condition.ts";

/** What falls back within this time continues the incident that was over. */
export const CONTINUES_WITHIN_MS = 24 * 3_600_000;

export interface ResolvedBefore {
  incidentId: string;
  causeKey: string;
  resolvedAtMs: number;
  members: { vmId: VmId; isInTrouble: boolean }[];
}

/** What is over and not long ago: for naming what a new incident continues, and for not telling closed trouble again. */
export class RecentlyResolved {
  readonly #byCause = new Map<string, { incidentId: string; atMs: number }>();
  readonly #byVm = new Map<VmId, { incidentId: string; atMs: number }>();
  /** VMs that were in trouble when a person closed their incident, and when that was. */
  readonly #closedTrouble = new Map<VmId, number>();

  /** @param resolved the oldest first. */
  constructor(resolved: readonly ResolvedBefore[]) {
    for (const each of resolved) this.add(each);
  }

  add({ incidentId, causeKey, resolvedAtMs, members }: ResolvedBefore): void {
    const oldestAtMs = resolvedAtMs - CONTINUES_WITHIN_MS;
    for (const map of [this.#byCause, this.#byVm]) {
      // A map keeps the order of insertion, and what is over is added as it ends.
      for (const [key, { atMs }] of map) {
        if (atMs >= oldestAtMs) break;
        map.delete(key);
      }
    }
    renew(this.#byCause, causeKey, { incidentId, atMs: resolvedAtMs });
    for (const { vmId, isInTrouble } of members) {
      renew(this.#byVm, vmId, { incidentId, atMs: resolvedAtMs });
      if (isInTrouble) this.#closedTrouble.set(vmId, resolvedAtMs);
    }
  }

  wasWell(vmId: VmId): void {
    this.#closedTrouble.delete(vmId);
  }

  /** Whether a person has closed the incident of this very trouble: it began before that, and has not ended since. */
  isKnownTrouble({ vmId, sinceAtMs }: VmCondition): boolean {
    const closedAtMs = this.#closedTrouble.get(vmId);
    return closedAtMs !== undefined && sinceAtMs <= closedAtMs;
  }

  /** The incident that a new one continues. */
  before(causeKey: string, vmId: VmId, nowMs: number): string | undefined {
    const before = this.#byCause.get(causeKey) ?? this.#byVm.get(vmId);
    return before && nowMs - before.atMs <= CONTINUES_WITHIN_MS ? before.incidentId : undefined;
  }
}

function renew<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
}
