import type { VmId, VmReport } from "#lib/vm/report";

/** Of VMs that are gone so many are remembered: the destination of a migration may have run and ended since. */
const MAX_ENDED = 500;

/**
 * Which reports are of one guest, by uuid or name, on whatever host: the two sides of a migration. The work for one report
 * does not depend on how many share its name, unless one of them waits for its destination to be seen.
 */
export class GuestIndex {
  readonly #reports = new Map<VmId, VmReport>();
  readonly #byGuest = new Map<string, Set<VmId>>();
  /** Sources that read "completed". */
  readonly #waiting = new Map<string, Set<VmId>>();
  readonly #ended = new Set<VmId>();

  /** @returns the sources of the same guest that may see their destination in it. */
  set(report: VmReport): VmId[] {
    this.#forget(report.vmId);
    this.#reports.set(report.vmId, report);
    const isWaiting = isCompletedSource(report);
    const sources = new Set<VmId>();
    for (const key of keysOf(report)) {
      add(this.#byGuest, key, report.vmId);
      for (const vmId of this.#waiting.get(key) ?? []) if (vmId !== report.vmId) sources.add(vmId);
      if (isWaiting) add(this.#waiting, key, report.vmId);
    }
    return [...sources];
  }

  end(vmId: VmId): void {
    if (!this.#reports.has(vmId)) return;
    this.#ended.add(vmId);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MAX_ENDED) break;
      this.#forget(oldest);
    }
  }

  /** Every other report of the guest that this source had; empty where it is none. */
  othersOf(report: VmReport): VmReport[] {
    if (!isCompletedSource(report)) return [];
    const vmIds = new Set(keysOf(report).flatMap((key) => [...(this.#byGuest.get(key) ?? [])]));
    return [...vmIds].flatMap((vmId) => (vmId === report.vmId ? [] : (this.#reports.get(vmId) ?? [])));
  }

  #forget(vmId: VmId): void {
    const report = this.#reports.get(vmId);
    this.#ended.delete(vmId);
    this.#reports.delete(vmId);
    if (!report) return;
    for (const key of keysOf(report)) {
      for (const index of [this.#byGuest, this.#waiting]) {
        const vmIds = index.get(key);
        vmIds?.delete(vmId);
        if (vmIds?.size === 0) index.delete(key);
      }
    }
  }
}

function isCompletedSource({ migration }: VmReport): boolean {
  return migration?.direction === "outgoing" && migration.status === "completed";
}

function keysOf({ uuid, name }: VmReport): string[] {
  return [`name:${name}`, ...(uuid === undefined ? [] : [`uuid:${uuid}`])];
}

function add(index: Map<string, Set<VmId>>, key: string, vmId: VmId): void {
  const vmIds = index.get(key);
  if (vmIds) vmIds.add(vmId);
  else index.set(key, new Set([vmId]));
}
