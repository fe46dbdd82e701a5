import type { ActEvidenceView, IncidentDetail } from "#lib/api/incident";
import type { AuditEvent } from "#lib/audit/events";
import type { Clue } from "#lib/diagnosis/clue";
import { cordOf } from "#lib/incident/cords";
import type { Incident } from "#lib/incident/incident";
import { MAX_TIMELINE, timelineOf } from "#lib/incident/timeline";
import { instanceKey } from "#lib/vm/instance";
import type { ActRecord } from "#lib/yank/act";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { ActStore } from "../store/act-store.ts";
import type { AuditLog } from "../store/audit-log.ts";
import type { EventStore } from "../store/event-store.ts";
import type { Incidents } from "./incidents.ts";

/** What happened right before it is a part of the story. */
const BEFORE_MS = 60_000;
/** And what came of it. */
const AFTER_MS = 60_000;
const MAX_ACTS = 200;
const MAX_STEPS = 2_000;
/** Of each member so many events at least; of few members more. */
const MIN_EVENTS_PER_VM = 20;
/** Reading the events of so many VMs stands in nobody's way. */
const VMS_AT_ONCE = 100;

export interface IncidentReaderOptions {
  incidents: Incidents;
  fleet: Fleet;
  acts: ActStore;
  /** An act as it stands now, which may be ahead of the record. */
  openAct(actId: string): ActRecord | undefined;
  audit: Pick<AuditLog, "actSteps" | "intentsOf">;
  events: Pick<EventStore, "between">;
  clock: Clock;
}

/** Puts together what the page of one incident shows, and what was stored with an act. */
export class IncidentReader {
  readonly #options: IncidentReaderOptions;

  constructor(options: IncidentReaderOptions) {
    this.#options = options;
  }

  async detail(incidentId: string): Promise<IncidentDetail | undefined> {
    const { incidents, acts, audit, clock, fleet, openAct } = this.#options;
    const incident = await incidents.incident(incidentId);
    if (!incident) return undefined;
    const vmIds = incident.members.map((member) => member.vmId);
    const fromMs = incident.beganAtMs;
    const toMs = incident.resolvedAtMs ?? clock.nowMs();
    const stored = await acts.ofIncident({ incidentId, vmIds, fromMs, toMs, limit: MAX_ACTS });
    const actsNow = stored.map((act) => openAct(act.actId) ?? act);
    const { timeline, timelineIsCut } = timelineOf({
      members: incident.members,
      events: await this.#events(vmIds, fromMs - BEFORE_MS, toMs + AFTER_MS),
      acts: actsNow,
      steps: await audit.actSteps(vmIds, fromMs, MAX_STEPS),
      notes: incident.notes,
      own: await incidents.entries(incidentId, MAX_TIMELINE),
    });
    return {
      ...incident,
      epoch: fleet.epoch,
      serverTimeMs: clock.nowMs(),
      cords: this.#cords(incident),
      timeline,
      timelineIsCut,
      acts: actsNow,
    };
  }

  /** What was stored with an act before it; undefined where there is no such act. */
  async evidence(actId: string): Promise<ActEvidenceView | undefined> {
    const act = this.#options.openAct(actId) ?? (await this.#options.acts.act(actId));
    if (!act) return undefined;
    const rows = await this.#options.audit.intentsOf(
      actId,
      act.targets.map((target) => target.vmId),
    );
    return {
      actId,
      targets: rows.flatMap(({ atMs, event }) => {
        if (event.type !== "act-intended" || event.evidence === undefined) return [];
        const vmName = act.targets.find((target) => target.vmId === event.vmId)?.vmName ?? event.vmId;
        return [{ vmId: event.vmId, vmName, recordedAtMs: atMs, evidence: event.evidence, clues: cluesOf(event.evidence) }];
      }),
    };
  }

  #cords(incident: Incident): IncidentDetail["cords"] {
    const { fleet } = this.#options;
    if (incident.state === "resolved") return [];
    return incident.members.map((member) => {
      const [vm, view] = [fleet.reportOf(member.vmId), fleet.detail(member.vmId)];
      return cordOf(member, { cause: incident.cause, ...(vm ? { vm } : {}), ...(view ? { view } : {}) });
    });
  }

  async #events(vmIds: readonly string[], fromMs: number, toMs: number) {
    const perVm = Math.max(MIN_EVENTS_PER_VM, Math.ceil(MAX_TIMELINE / Math.max(1, vmIds.length)));
    const events = [];
    for (let start = 0; start < vmIds.length; start += VMS_AT_ONCE) {
      if (start > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      events.push(...(await this.#options.events.between({ vmIds: vmIds.slice(start, start + VMS_AT_ONCE), fromMs, toMs, perVm })));
    }
    return events;
  }
}

function cluesOf(evidence: NonNullable<Extract<AuditEvent, { type: "act-intended" }>["evidence"]>): (Clue & { key: string })[] {
  return evidence.report.instances.flatMap(({ instance, clues = [] }) => clues.map((clue) => ({ ...clue, key: instanceKey(instance) })));
}
