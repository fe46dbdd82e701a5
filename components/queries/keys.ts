import type { VmId } from "#lib/vm/report";

/** Every key of the query cache, from wide to narrow. Nothing else builds one. */
export const keys = {
  fleet: ["fleet"] as const,
  /** The newest tick of the hub: its clock and its bridges. */
  tick: ["tick"] as const,
  /** Everything of every single VM. */
  vms: ["vms"] as const,
  vm: (vmId: VmId) => ["vms", "detail", vmId] as const,
  vmEvents: (vmId: VmId) => ["vms", "events", vmId] as const,
  vmActs: (vmId: VmId) => ["vms", "acts", vmId] as const,
  acts: ["acts"] as const,
  act: (actId: string) => ["acts", actId] as const,
  actEvidence: (actId: string) => ["act-evidence", actId] as const,
  /** Of the record: everything that is asked of it. */
  audit: ["audit"] as const,
  auditRows: (filter: string) => ["audit", "rows", filter] as const,
  auditState: ["audit", "state"] as const,
  incidents: ["incidents"] as const,
  incidentList: ["incidents", "list"] as const,
  incident: (incidentId: string) => ["incidents", "detail", incidentId] as const,
};
