import type { Generated } from "kysely";
import type { ChainedRow } from "#lib/audit/chain";

/** Times are Unix ms as integers; `…_json` columns hold what `lib` calls by that name. */
export interface RecordTables {
  /** Insert-only: triggers refuse everything else but dropping what a checkpoint in it gave up. */
  audit: ChainedRow;
  plans: {
    plan_id: string;
    created_at_ms: number;
    expires_at_ms: number;
    plan_json: string;
    /** Why it was found void when it was confirmed; null while it was not. */
    void_json: string | null;
  };
  acts: {
    act_id: string;
    /** Unique: a plan acts at most once, whoever asks and however often. */
    plan_id: string;
    created_at_ms: number;
    who: string;
    reason: string | null;
    action: string;
    /** The incident that it was begun from. */
    incident_id: string | null;
  };
  act_targets: {
    act_id: string;
    vm_id: string;
    position: number;
    bridge_id: string;
    /** 1 once the intent to send is in the audit; a target that was never intended was certainly never sent. */
    is_intended: number;
    is_final: number;
    target_json: string;
  };
  meta: { key: string; value: string };
  incidents: {
    incident_id: string;
    /** Never used twice: the table gives out none, and nothing lowers it. */
    number: number;
    state: string;
    cause_key: string;
    opened_at_ms: number;
    resolved_at_ms: number | null;
    resolved_by: string | null;
    /** `IncidentSummary` as of its last change. */
    summary_json: string;
  };
  incident_members: { incident_id: string; vm_id: string; is_in_trouble: number; member_json: string };
  incident_notes: { note_id: string; incident_id: string; at_ms: number; who: string; text: string };
  /** What befell the incident itself, in its order. */
  incident_entries: { entry_id: Generated<number>; incident_id: string; at_ms: number; entry_json: string };
}

export interface HistoryTables {
  events: {
    event_id: Generated<number>;
    vm_id: string;
    incarnation_id: string | null;
    at_ms: number;
    kind: string;
    title: string;
    text: string | null;
    data_json: string | null;
    qemu_at_ms: number | null;
    count: number;
  };
  /** How far each bridge's facts are stored, so that a batch sent twice is stored once. */
  fact_progress: { bridge_id: string; epoch: string; through_seq: number };
  /** Notifications that wait to be delivered, in their order. */
  notify_outbox: { position: Generated<number>; entry_id: string; target: string; event: string; body: string; created_at_ms: number };
  /** What each receiver was told of an incident that is not over. */
  notify_told: { target: string; incident_id: string; told_json: string };
  vms_ended: { vm_id: string; ended_at_ms: number; detail_json: string };
}
