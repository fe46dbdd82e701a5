import type { BridgeView, FleetSnapshot, InstanceView, VmDetail, VmSummary } from "#lib/api/vm";
import type { IncidentMember, IncidentSummary } from "#lib/incident/incident";
import type { ActProgress, ActRecord } from "#lib/yank/act";
import type { Plan } from "#lib/yank/plan";

/** Well-formed objects for tests; each says only what it is about. */

export function vmSummary(part: Partial<VmSummary>): VmSummary {
  return {
    vmId: "vm0001",
    name: "web-1",
    bridgeId: "kvm-01",
    host: "kvm-01",
    address: "/run/ripcord/monitors/web-1.sock",
    launcher: "plain",
    isSimulated: false,
    runStateIsLastKnown: false,
    health: { kind: "healthy", sinceAtMs: 0, readingAtMs: 0 },
    lanes: {
      inBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 },
      outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 },
    },
    yankableCount: 0,
    instanceCount: 0,
    tags: [],
    changedAtRevision: 0,
    ...part,
  };
}

export function snapshotOf(vms: VmSummary[], part: Partial<FleetSnapshot> = {}): FleetSnapshot {
  return { epoch: "e", revision: 0, serverTimeMs: 0, bridges: [], vms, ...part };
}

export function bridge(part: Partial<BridgeView>): BridgeView {
  return { bridgeId: "kvm-01", host: "kvm-01", isSimulated: false, isConnected: true, isSyncing: false, vmCount: 1, notices: [], ...part };
}

export function actRecord(progress: Partial<ActProgress>): ActRecord {
  return {
    actId: "act1",
    planId: "plan1",
    action: "yank",
    who: "local operator",
    createdAtMs: 0,
    targets: [
      {
        vmId: "vm0001",
        vmName: "db-7",
        host: "kvm-01",
        bridgeId: "kvm-01",
        instances: [{ type: "block-node", "node-name": "nbd0" }],
        command: { "exec-oob": "yank" },
        lane: "oob",
        state: "intended",
        verdict: "pending",
        aftermath: [],
        isFinal: false,
        ...progress,
      },
    ],
  };
}

export function planOf(part: Partial<Plan>): Plan {
  return {
    planId: "plan1",
    action: "yank",
    title: "Yank nbd0 on db-7?",
    verb: "Yank nbd0",
    targets: [
      {
        vmId: "vm0001",
        vmName: "db-7",
        host: "kvm-01",
        command: { "exec-oob": "yank", arguments: { instances: [{ type: "block-node", "node-name": "nbd0" }] } },
        lane: "oob",
        instances: [],
        effects: [{ sentence: "The guest loses its disk vda: nbd0 answers errors.", details: [], reversibility: "one-way" }],
        reversibility: "one-way",
        warnings: [],
        bindings: { incarnationId: "i", healthClass: "main-loop-hung", instances: [] },
      },
    ],
    softer: [],
    confirmation: { kind: "click" },
    createdAtMs: 0,
    expiresAtMs: 60_000,
    ...part,
  };
}

export function instanceView(part: Partial<InstanceView>): InstanceView {
  return {
    instance: { type: "block-node", "node-name": "nbd0" },
    serves: { kind: "guest-disk", owner: "vda" },
    connection: "unknown",
    isMonitor: false,
    yankable: true,
    clues: [],
    suspicion: { score: "cannot-tell", reasons: ["nothing was measured"] },
    ...part,
  };
}

export function vmDetail(part: Partial<VmDetail>): VmDetail {
  return {
    ...vmSummary({}),
    incarnation: { id: "i", pid: 4711, by: "process" },
    evidence: [],
    helps: [],
    instances: [],
    notices: [],
    ...part,
  };
}

export function incidentMember(part: Partial<IncidentMember>): IncidentMember {
  return {
    vmId: "vm0001",
    name: "web-1",
    bridgeId: "kvm-01",
    host: "kvm-01",
    kind: "main-loop-hung",
    isInTrouble: true,
    worstKind: "main-loop-hung",
    joinedAtMs: 0,
    sinceAtMs: 0,
    flapCount: 0,
    ...part,
  };
}

export function incidentSummary(part: Partial<IncidentSummary>): IncidentSummary {
  return {
    incidentId: `inc-${part.number ?? 1}`,
    number: 1,
    state: "open",
    cause: { kind: "far-side", key: "nbd:10.0.4.15:10809", text: "NBD server 10.0.4.15:10809" },
    title: "2 VMs wait on NBD server 10.0.4.15:10809",
    openedAtMs: 0,
    beganAtMs: 0,
    detectedAfterMs: 0,
    memberCount: 2,
    troubledCount: 2,
    flapCount: 0,
    worstKind: "main-loop-hung",
    revision: 1,
    hosts: ["kvm-01"],
    noteCount: 0,
    ...part,
  };
}
