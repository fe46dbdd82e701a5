import type { IncidentSummary } from "#lib/incident/incident";

/** An open incident of one hung VM, with what the test says otherwise. */
export function incidentSummary(overrides: Partial<IncidentSummary> = {}): IncidentSummary {
  return {
    incidentId: "inc-1",
    number: 12,
    state: "open",
    cause: { kind: "far-side", key: "nbd:tcp:10.0.4.15:10809", text: "NBD server 10.0.4.15:10809", isEstablished: true },
    title: "db-07 waits on NBD server 10.0.4.15:10809",
    openedAtMs: 1_700_000_000_000,
    beganAtMs: 1_699_999_995_000,
    detectedAfterMs: 5_000,
    memberCount: 1,
    troubledCount: 1,
    flapCount: 0,
    worstKind: "main-loop-hung",
    revision: 1,
    hosts: ["kvm-01"],
    noteCount: 0,
    ...overrides,
  };
}
