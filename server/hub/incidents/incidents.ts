import { randomBytes } from "node:crypto";
import type { VmDetail } from "#lib/api/vm";
import { conditionOf } from "#lib/incident/condition";
import { IncidentBook } from "#lib/incident/book";
import { draftOf, incidentOf, summaryOf, tell } from "#lib/incident/draft";
import type { Draft, Moment } from "#lib/incident/draft";
import type { Incident, IncidentNote, IncidentState, IncidentSummary, TimelineEntry } from "#lib/incident/incident";
import { CONTINUES_WITHIN_MS } from "#lib/incident/recently-resolved";
import type { VmId } from "#lib/vm/report";
import type { Log } from "#server/log";
import { ProblemError } from "../api/problem-error.ts";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { Coalescer } from "../gateway/coalescer.ts";
import type { Actor, AuditLog } from "../store/audit-log.ts";
import type { IncidentStore } from "../store/incident-store.ts";
import { IncidentWriter } from "./incident-writer.ts";

/** What comes within this time is looked at together: a dead server takes its VMs down one after the other. */
const GATHER_MS = 200;
/** Browsers hear of one incident, and the record takes it, at most this often. */
const TELL_INTERVAL_MS = 500;
/** A clock that somebody set by more than this is told of. */
const CLOCK_JUMP_MS = 5_000;
/** Those that are not over are all listed, whatever the page's limit, up to this many. */
const MAX_ACTIVE_LISTED = 1_000;

export interface IncidentsOptions {
  fleet: Fleet;
  store: IncidentStore;
  audit: Pick<AuditLog, "append">;
  clock: Clock;
  log: Log;
  resolveAfterMs: number;
  /** They opened, changed or ended; each at most every half second. */
  onChanged(incidents: IncidentSummary[]): void;
}

/**
 * Keeps the incidents of a fleet: looks at what changed in it a little later, so that its own work never stands in a
 * report's way, and has what comes of it written behind. What cannot be written is shown all the same, and tried again.
 */
export class Incidents {
  readonly #fleet: Fleet;
  readonly #store: IncidentStore;
  readonly #audit: Pick<AuditLog, "append">;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #resolveAfterMs: number;
  readonly #onChanged: IncidentsOptions["onChanged"];
  readonly #book: IncidentBook;
  readonly #writer: IncidentWriter;
  readonly #telling: Coalescer;
  readonly #untold = new Map<string, Draft>();
  readonly #changedVms = new Set<VmId>();
  /** Members of an earlier run that no bridge has told of yet. */
  readonly #unseen = new Map<VmId, string>();
  #stopGathering: (() => void) | undefined;
  #lastMoment: Moment;

  private constructor(options: IncidentsOptions, book: IncidentBook) {
    this.#fleet = options.fleet;
    this.#store = options.store;
    this.#audit = options.audit;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#resolveAfterMs = options.resolveAfterMs;
    this.#onChanged = options.onChanged;
    this.#book = book;
    this.#writer = new IncidentWriter(options.store, options.log);
    this.#telling = new Coalescer(options.clock, TELL_INTERVAL_MS, () => this.#tell());
    this.#lastMoment = this.#now();
  }

  /** Takes up what an earlier run left. To be called before any bridge is listened to. */
  static async open(options: IncidentsOptions): Promise<Incidents> {
    const { store, clock } = options;
    const now = { atMs: clock.nowMs(), monoMs: clock.monoMs() };
    const active = (await store.active()).map((incident) => draftOf(incident, now));
    const book = new IncidentBook({
      newId: () => `inc-${randomBytes(9).toString("hex")}`,
      nextNumber: await store.nextNumber(),
      active,
      resolved: await store.resolvedSince(now.atMs - CONTINUES_WITHIN_MS),
    });
    const incidents = new Incidents(options, book);
    const memberships = new Map<VmId, string>();
    for (const draft of active) {
      for (const member of draft.members.values()) {
        if (member.movedToId !== undefined) continue;
        memberships.set(member.vmId, draft.incidentId);
        if (member.endedAtMs === undefined) incidents.#unseen.set(member.vmId, member.bridgeId);
        // Until its bridge has told of it again.
        if (member.endedAtMs === undefined) member.isNotKnown = true;
      }
    }
    options.fleet.setIncidents(memberships);
    return incidents;
  }

  /** These VMs may be another way than before. */
  vmsChanged(vmIds: readonly VmId[]): void {
    for (const vmId of vmIds) this.#changedVms.add(vmId);
    this.#stopGathering ??= this.#clock.after(GATHER_MS, () => this.#gather());
  }

  vmEnded(vm: Pick<VmDetail, "vmId" | "endedAtMs">): void {
    this.#changedVms.delete(vm.vmId);
    this.#unseen.delete(vm.vmId);
    this.#book.vmEnded(vm.vmId, vm.endedAtMs ?? this.#clock.nowMs(), this.#now());
    this.#takeChanges();
  }

  /** To be called every second: ends what has been quiet for long enough, and writes what could not be written before. */
  tick(): void {
    const now = this.#now();
    this.#lookAtClock(now);
    this.#endUnseen(now);
    this.#book.tick(this.#resolveAfterMs, now);
    this.#takeChanges();
    this.#writer.retry();
  }

  /** Open ones first, then mitigated, then resolved; the newest of each first. `before` pages through the resolved ones. */
  async list({ state, limit, before }: { state?: IncidentState; limit: number; before?: number }): Promise<IncidentSummary[]> {
    const active = before === undefined && state !== "resolved" ? this.#listActive(state) : [];
    if (state === "open" || state === "mitigated") return active.slice(0, Math.max(limit, MAX_ACTIVE_LISTED));
    const unwritten = before === undefined ? this.#writer.unwrittenResolved() : [];
    const stored = await this.#store.resolved({ before, limit: limit });
    const known = new Set(unwritten.map(({ incidentId }) => incidentId));
    const resolved = [...unwritten, ...stored.filter(({ incidentId }) => !known.has(incidentId))];
    return [...active.slice(0, MAX_ACTIVE_LISTED), ...resolved.slice(0, limit)];
  }

  /** Those that are not over: open ones first, the newest of each first. */
  active(): IncidentSummary[] {
    return this.#listActive(undefined);
  }

  /** One as lists show it, also where it is over. */
  async summary(incidentId: string): Promise<IncidentSummary | undefined> {
    const draft = this.#book.get(incidentId) ?? this.#writer.unwritten(incidentId);
    if (draft) return summaryOf(draft);
    const incident = await this.#store.incident(incidentId);
    if (!incident) return undefined;
    const { members, notes, ...rest } = incident;
    return { ...rest, hosts: [...new Set(members.map(({ host }) => host))].toSorted(), noteCount: notes.length };
  }

  /** One as it stands now, with its notes. */
  async incident(incidentId: string): Promise<Incident | undefined> {
    const draft = this.#book.get(incidentId) ?? this.#writer.unwritten(incidentId);
    if (!draft) return this.#store.incident(incidentId);
    return incidentOf(draft, await this.#store.notes(incidentId));
  }

  /** What befell the incident itself, oldest first. */
  async entries(incidentId: string, limit: number): Promise<TimelineEntry[]> {
    const stored = await this.#store.entries(incidentId, limit);
    return [...stored, ...this.#writer.unwrittenEntries(incidentId)].slice(-limit);
  }

  /** @throws ProblemError not-found, not-recorded */
  async note(incidentId: string, text: string, actor: Actor): Promise<IncidentNote> {
    if ((await this.incident(incidentId)) === undefined) throw notFound();
    const note = { noteId: `note-${randomBytes(9).toString("hex")}`, atMs: this.#clock.nowMs(), who: actor.who, text };
    try {
      await this.#store.addNote(incidentId, note, actor);
    } catch (error) {
      throw new ProblemError("not-recorded", "The note could not be written to the record", {}, { cause: error });
    }
    this.#book.noted(incidentId);
    this.#takeChanges();
    return note;
  }

  /**
   * "I am on it", with an end, or taken back. @throws ProblemError not-found, also for one that is over; not-recorded
   */
  async acknowledge(incidentId: string, wish: { who: string; forMs: number } | undefined, actor: Actor): Promise<void> {
    if (this.#book.get(incidentId) === undefined) throw notFound();
    const atMs = this.#clock.nowMs();
    const acknowledgement = wish && { who: wish.who, atMs, untilMs: atMs + wish.forMs };
    try {
      await this.#audit.append(
        actor,
        acknowledgement
          ? { type: "incident-acknowledged", incidentId, who: acknowledgement.who, untilMs: acknowledgement.untilMs }
          : { type: "incident-unacknowledged", incidentId },
      );
    } catch (error) {
      throw new ProblemError("not-recorded", "It could not be written to the record, so nobody is told", {}, { cause: error });
    }
    if (!this.#book.acknowledge(incidentId, acknowledgement, actor.who, this.#now())) throw notFound();
    this.#takeChanges();
  }

  /** Closes it, whatever its members are. Closing it again changes nothing. @throws ProblemError not-found, not-recorded */
  async resolve(incidentId: string, reason: string | undefined, actor: Actor): Promise<Incident> {
    const incident = await this.incident(incidentId);
    if (!incident) throw notFound();
    if (incident.state === "resolved") return incident;
    try {
      await this.#audit.append(actor, { type: "incident-resolved", incidentId, ...(reason === undefined ? {} : { reason }) });
    } catch (error) {
      throw new ProblemError("not-recorded", "It could not be written to the record, so the incident stays as it is", {}, { cause: error });
    }
    this.#book.resolve(incidentId, { who: actor.who, reason }, this.#now());
    this.#takeChanges();
    return (await this.incident(incidentId)) ?? incident;
  }

  /** Drops the oldest of those that are over, where they are very many. */
  async prune(): Promise<void> {
    await this.#store.prune();
  }

  /** Writes what is left; safe to call twice. */
  async close(): Promise<void> {
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    this.#telling.close();
    await this.#writer.close();
  }

  #gather(): void {
    this.#stopGathering = undefined;
    const conditions = [];
    for (const vmId of this.#changedVms) {
      const vm = this.#fleet.detail(vmId);
      if (!vm) continue;
      const condition = conditionOf(vm);
      if (condition.standing !== "not-known") this.#unseen.delete(vmId);
      conditions.push(condition);
    }
    this.#changedVms.clear();
    this.#book.apply(conditions, this.#now());
    this.#takeChanges();
  }

  #takeChanges(): void {
    const { incidents, memberships } = this.#book.takeChanges();
    if (incidents.size === 0 && memberships.size === 0) return;
    for (const draft of incidents) {
      this.#writer.changed(draft);
      this.#untold.set(draft.incidentId, draft);
    }
    if (memberships.size > 0) this.#fleet.setIncidents(memberships);
    if (incidents.size > 0) this.#telling.poke();
  }

  #tell(): void {
    const summaries = Array.from(this.#untold.values(), summaryOf);
    this.#untold.clear();
    this.#onChanged(summaries);
    this.#writer.flush();
  }

  /** A VM that ended while no hub was there has no end that anybody saw. */
  #endUnseen(now: Moment): void {
    if (this.#unseen.size === 0) return;
    const live = new Set(this.#fleet.bridges().flatMap((bridge) => (bridge.isConnected && !bridge.isSyncing ? [bridge.bridgeId] : [])));
    for (const [vmId, bridgeId] of this.#unseen) {
      if (!live.has(bridgeId)) continue;
      this.#unseen.delete(vmId);
      if (this.#fleet.bridgeIdOf(vmId) === undefined) this.#book.vmEnded(vmId, now.atMs, now);
    }
  }

  /** Times before and after it do not compare: whoever reads the timeline has to know. */
  #lookAtClock(now: Moment): void {
    const jumpMs = now.atMs - this.#lastMoment.atMs - (now.monoMs - this.#lastMoment.monoMs);
    this.#lastMoment = now;
    if (Math.abs(jumpMs) < CLOCK_JUMP_MS) return;
    const text = `The hub's clock was set ${jumpMs > 0 ? "forward" : "back"} by ${Math.round(Math.abs(jumpMs) / 1_000)} s`;
    this.#log.warn({ jumpMs: Math.round(jumpMs) }, "the clock on the wall was set");
    for (const draft of this.#book.active()) {
      tell(draft, now, { text });
      this.#writer.changed(draft);
    }
    this.#writer.flush();
  }

  #listActive(state: IncidentState | undefined): IncidentSummary[] {
    const drafts = [...this.#book.active()].filter((draft) => state === undefined || draft.state === state);
    const rank = (draft: Draft) => (draft.state === "open" ? 0 : 1);
    return drafts.toSorted((left, right) => rank(left) - rank(right) || right.number - left.number).map(summaryOf);
  }

  #now(): Moment {
    return { atMs: this.#clock.nowMs(), monoMs: this.#clock.monoMs() };
  }
}

function notFound(): ProblemError {
  return new ProblemError("not-found", "There is no incident by this id");
}
