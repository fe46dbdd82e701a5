import type { VmId } from "#lib/vm/report";

/** Removals are remembered for this long; a client that was away for longer fetches the snapshot again. */
export const TOMBSTONE_MS = 10 * 60_000;
const COMPACT_ABOVE = 4_096;

interface Change {
  revision: number;
  vmId: VmId;
}

/** What changed since a revision, without looking at what did not. Revisions only grow. */
export class ChangeLog {
  #changes: Change[] = [];
  readonly #changedAt = new Map<VmId, number>();
  #removals: (Change & { atMs: number })[] = [];
  /** Revisions from here on can be continued from. */
  #completeSince = 0;

  changed(vmId: VmId, revision: number): void {
    this.#changes.push({ revision, vmId });
    this.#changedAt.set(vmId, revision);
    if (this.#changes.length > COMPACT_ABOVE && this.#changes.length > 2 * this.#changedAt.size) {
      this.#changes = this.#changes.filter((change) => this.#changedAt.get(change.vmId) === change.revision);
    }
  }

  removed(vmId: VmId, revision: number, nowMs: number): void {
    this.#changedAt.delete(vmId);
    this.#removals.push({ revision, vmId, atMs: nowMs });
    this.#forget(nowMs);
  }

  /** Undefined when removals after that revision may have been forgotten. */
  since(revision: number, nowMs: number): { changed: VmId[]; removed: VmId[] } | undefined {
    this.#forget(nowMs);
    if (revision < this.#completeSince) return undefined;
    const changed: VmId[] = [];
    for (let index = firstAfter(this.#changes, revision); index < this.#changes.length; index += 1) {
      const change = this.#changes[index];
      if (change && this.#changedAt.get(change.vmId) === change.revision) changed.push(change.vmId);
    }
    const removed = this.#removals.slice(firstAfter(this.#removals, revision)).map((removal) => removal.vmId);
    // A VM that left and came back is there.
    return { changed, removed: [...new Set(removed)].filter((vmId) => !this.#changedAt.has(vmId)) };
  }

  #forget(nowMs: number): void {
    const kept = this.#removals.findIndex((removal) => removal.atMs > nowMs - TOMBSTONE_MS);
    const forgotten = kept === -1 ? this.#removals.splice(0) : this.#removals.splice(0, kept);
    this.#completeSince = forgotten.at(-1)?.revision ?? this.#completeSince;
  }
}

/** The index of the first entry after `revision`. */
function firstAfter(entries: readonly Change[], revision: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.revision ?? 0) <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
