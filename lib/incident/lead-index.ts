import type { VmId } from "../vm/report.ts";
import type { VmCondition } from "./condition.ts";
import type { Lead } from "./leads.ts";

/** What befalls the VMs of one host for one reason befalls them at about the same time. */
const HOST_SAME_TIME_MS = 600_000;

/** Which VMs in trouble have which leads, so that nobody has to look through all of them. */
export class LeadIndex {
  readonly #byLead = new Map<string, Map<VmId, number>>();
  readonly #keysOf = new Map<VmId, string[]>();

  set(vm: VmCondition): void {
    this.remove(vm.vmId);
    if (vm.leads.length === 0) return;
    const keys = vm.leads.map((lead) => lead.key);
    this.#keysOf.set(vm.vmId, keys);
    for (const key of keys) {
      const sharing = this.#byLead.get(key);
      if (sharing) sharing.set(vm.vmId, vm.sinceAtMs);
      else this.#byLead.set(key, new Map([[vm.vmId, vm.sinceAtMs]]));
    }
  }

  remove(vmId: VmId): void {
    for (const key of this.#keysOf.get(vmId) ?? []) {
      const sharing = this.#byLead.get(key);
      sharing?.delete(vmId);
      if (sharing?.size === 0) this.#byLead.delete(key);
    }
    this.#keysOf.delete(vmId);
  }

  count(key: string): number {
    return this.#byLead.get(key)?.size ?? 0;
  }

  *others(key: string, vmId: VmId): Generator<VmId, undefined> {
    for (const other of this.#byLead.get(key)?.keys() ?? []) if (other !== vmId) yield other;
    return undefined;
  }

  /** Whether this lead means something for the VM, because another VM in trouble has it, too. */
  hasOthers(lead: Lead, vm: VmCondition): boolean {
    for (const [other, sinceAtMs] of this.#byLead.get(lead.key) ?? []) {
      if (other !== vm.vmId && this.isSameTime(lead, vm, { sinceAtMs })) return true;
    }
    return false;
  }

  isSameTime(lead: Lead, one: Pick<VmCondition, "sinceAtMs">, other: Pick<VmCondition, "sinceAtMs">): boolean {
    return lead.kind !== "host" || Math.abs(one.sinceAtMs - other.sinceAtMs) <= HOST_SAME_TIME_MS;
  }
}
