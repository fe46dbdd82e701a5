import type { VmSummary } from "#lib/api/vm";
import type { ProgressReport } from "#lib/link/contract";
import type { VmId } from "#lib/vm/report";
import { isActOpen } from "#lib/yank/act";
import type { ActRecord, ActTarget, NextStep } from "#lib/yank/act";
import type { Action } from "#lib/yank/plan";
import type { Log } from "#server/log";
import { BridgeLostError } from "../bridges/bridge-links.ts";
import type { BridgeLinks } from "../bridges/bridge-links.ts";
import type { Clock } from "../clock.ts";
import type { ActStore } from "../store/act-store.ts";
import { HUB_ACTOR } from "../store/audit-log.ts";
import type { Actor } from "../store/audit-log.ts";
import { progressed, refusedGo, skipped, targetOf, unknownForGood, unknownForNow, withTarget } from "./act-steps.ts";

/** A bridge verifies for ten seconds; one that has said nothing final by then is asked. */
const ASK_AFTER_MS = 20_000;
/** And one that has none by then never will have: an act must not block its VM for ever. */
const GIVE_UP_AFTER_MS = 60_000;

export interface OpenActsOptions {
  acts: ActStore;
  links: Pick<BridgeLinks, "isConnected" | "go" | "inquire" | "acknowledge">;
  clock: Clock;
  log: Log;
  events: OpenActsListener;
  /** What a person does next, where the verdict of a target is known. */
  nextSteps?(action: Action, target: ActTarget): NextStep[];
}

export interface OpenActsListener {
  actChanged(act: ActRecord): void;
  /** An act begins or ends on a VM. */
  actInProgress(vmId: VmId, act: VmSummary["actInProgress"]): void;
}

interface OpenAct {
  act: ActRecord;
  actor: Actor;
  /** The targets that a bridge was told to go on with, or may have been, and when (Unix ms). */
  going: Map<VmId, number>;
  /** The targets whose newest state is shown and could not be written yet. */
  unrecorded: Set<VmId>;
  /** Called when a target is done with. */
  waiting: Map<VmId, () => void>;
}

/**
 * The acts that have no final outcome yet, from the moment their intent is in the record. What becomes of them is shown,
 * recorded, asked for where it does not come, and in the end given up as unknown; nothing here sends a command twice.
 */
export class OpenActs {
  readonly #acts: ActStore;
  readonly #links: OpenActsOptions["links"];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #events: OpenActsListener;
  readonly #nextSteps: OpenActsOptions["nextSteps"];
  readonly #open = new Map<string, OpenAct>();
  readonly #busy = new Map<VmId, NonNullable<VmSummary["actInProgress"]>>();
  /** Progress of one act is applied in the order in which it came. */
  readonly #chains = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor({ acts, links, clock, log, events, nextSteps }: OpenActsOptions) {
    this.#acts = acts;
    this.#links = links;
    this.#clock = clock;
    this.#log = log;
    this.#events = events;
    this.#nextSteps = nextSteps;
  }

  /** Takes up what an earlier run left without an outcome. To be called before anything is confirmed. */
  async recover(): Promise<void> {
    const left = await this.#acts.openTargets();
    // First those that were never sent, because their intent was never committed: what is read below then says so.
    for (const { actId, isIntended, target } of left) {
      if (!isIntended) await this.#acts.progress(actId, skipped(target, "The hub stopped before its turn"), HUB_ACTOR);
    }
    for (const { actId, isIntended, target } of left) {
      if (!isIntended) continue;
      const unknown = unknownForNow(target, "The hub stopped in the middle; the bridge is being asked what became of it");
      await this.#acts.progress(actId, unknown, HUB_ACTOR);
      const act = await this.#stored(actId);
      const open = this.#open.get(actId) ?? this.begin(act, HUB_ACTOR);
      open.act = act;
      open.going.set(target.vmId, this.#clock.nowMs());
      this.occupy(target.vmId, act);
    }
  }

  /** An act as it is now, where it is still open. */
  get(actId: string): ActRecord | undefined {
    return this.#open.get(actId)?.act;
  }

  /** The act under way on this VM. */
  actOn(vmId: VmId): VmSummary["actInProgress"] {
    return this.#busy.get(vmId);
  }

  occupy(vmId: VmId, act: ActRecord): void {
    const inProgress = { actId: act.actId, who: act.who, sinceAtMs: act.createdAtMs };
    this.#busy.set(vmId, inProgress);
    this.#events.actInProgress(vmId, inProgress);
  }

  release(vmId: VmId, actId: string): void {
    if (this.#busy.get(vmId)?.actId !== actId) return;
    this.#busy.delete(vmId);
    this.#events.actInProgress(vmId, undefined);
  }

  /** The act's intent is in the record. */
  begin(act: ActRecord, actor: Actor): OpenAct {
    const open: OpenAct = { act, actor, going: new Map(), unrecorded: new Set(), waiting: new Map() };
    this.#open.set(act.actId, open);
    this.#events.actChanged(act);
    return open;
  }

  /** A target that has no final outcome. */
  openTarget(actId: string, vmId: VmId): ActTarget | undefined {
    const act = this.get(actId);
    const target = act && targetOf(act, vmId);
    return target && isActOpen(target) ? target : undefined;
  }

  /** Sends. From here on an outcome that is not known is unknown, and never tried again. */
  async go(actId: string, target: ActTarget, ticket: string): Promise<void> {
    this.#open.get(actId)?.going.set(target.vmId, this.#clock.nowMs());
    try {
      const answer = await this.#links.go(target.bridgeId, { actId, ticket });
      if (answer.ok) return;
      const refused = refusedGo(target, answer);
      if (refused) await this.#inTurn(actId, () => this.#settle(actId, refused));
      else this.#inquire(actId, target.vmId);
    } catch (error) {
      this.#log.warn({ actId, vmId: target.vmId, error: String(error) }, "the bridge did not say whether it sent the command");
      // Its progress may have been faster than this answer.
      await this.change(actId, target.vmId, (current) =>
        current.state === "intended"
          ? unknownForNow(current, `The bridge on ${target.host} hung up in the middle; it will be asked when it is back`)
          : undefined,
      );
      if (this.#links.isConnected(target.bridgeId)) this.#inquire(actId, target.vmId);
    }
  }

  /** Resolves when the target is done with. */
  async whenFinal(actId: string, vmId: VmId): Promise<void> {
    const open = this.#open.get(actId);
    if (!open || !this.openTarget(actId, vmId)) return;
    await new Promise<void>((resolve) => open.waiting.set(vmId, resolve));
  }

  /** Changes an open target in its turn; one that is done with stays as it is. */
  async change(actId: string, vmId: VmId, next: (target: ActTarget) => ActTarget | undefined): Promise<void> {
    await this.#inTurn(actId, async () => {
      const target = this.openTarget(actId, vmId);
      const changed = target && next(target);
      if (changed) await this.#settle(actId, changed);
    });
  }

  /** A bridge reports how one target stands. Resolves when that is in the record; a rejection leaves it with the bridge. */
  async progressed(bridgeId: string, report: ProgressReport): Promise<void> {
    const { actId, vmId } = report;
    const receivedAtMs = this.#clock.nowMs();
    await this.#inTurn(actId, async () => {
      const act = this.get(actId) ?? (await this.#acts.act(actId));
      const target = act && targetOf(act, vmId);
      // Not ours, or not this bridge's: nothing to keep for us.
      if (!act || !target || target.bridgeId !== bridgeId) return;
      const next = progressed(target, report, receivedAtMs) ?? target;
      if (next !== target || this.#open.get(actId)?.unrecorded.has(vmId)) await this.#settle(actId, next);
      if (next.isFinal) this.#links.acknowledge(bridgeId, { actId, vmId });
    });
  }

  /** A bridge is back: what is still open on it is asked for. */
  bridgeConnected(bridgeId: string): void {
    for (const { act, going } of this.#open.values()) {
      for (const target of act.targets) {
        if (target.bridgeId !== bridgeId || !isActOpen(target) || !going.has(target.vmId)) continue;
        // Its time begins again: until now nobody could be asked.
        going.set(target.vmId, this.#clock.nowMs());
        this.#inquire(act.actId, target.vmId);
      }
    }
  }

  /** A bridge is gone: what was under way on it is unknown until it is back. */
  bridgeLost(bridgeId: string): void {
    for (const { act, going } of this.#open.values()) {
      for (const { vmId, host } of act.targets.filter((target) => target.bridgeId === bridgeId && going.has(target.vmId))) {
        const detail = `The bridge on ${host} is not connected; it will be asked when it is back`;
        this.run(this.change(act.actId, vmId, (target) => (target.verdict === "unknown" ? undefined : unknownForNow(target, detail))));
      }
    }
  }

  /** Asks for outcomes that are overdue, and writes those that could not be written, so that none stays open for ever. To be called every few seconds. */
  checkOverdue(): void {
    const nowMs = this.#clock.nowMs();
    for (const { act, going, unrecorded } of this.#open.values()) {
      if (unrecorded.size > 0) this.run(this.#recordAgain(act.actId));
      for (const target of act.targets.filter(isActOpen)) {
        const wentAtMs = going.get(target.vmId);
        // While its bridge is away nobody could be asked.
        if (wentAtMs === undefined || nowMs - wentAtMs < ASK_AFTER_MS || !this.#links.isConnected(target.bridgeId)) continue;
        if (nowMs - wentAtMs < GIVE_UP_AFTER_MS) this.#inquire(act.actId, target.vmId);
        else this.run(this.#giveUp(act.actId, target.vmId, "The bridge has not said what became of it: look before you try again"));
      }
    }
  }

  /** Work that nobody waits for: its failure is logged, and the record stays as it was. */
  run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#isClosed) this.#log.error({ err: error }, "an act could not be carried on; its record is unchanged");
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  #inquire(actId: string, vmId: VmId): void {
    this.run(this.#askOutcome(actId, vmId));
  }

  async #askOutcome(actId: string, vmId: VmId): Promise<void> {
    const target = this.openTarget(actId, vmId);
    if (!target) return;
    try {
      const answer = await this.#links.inquire(target.bridgeId, { actId, vmId });
      if (!("unknown" in answer)) {
        await this.progressed(target.bridgeId, answer);
        return;
      }
    } catch (error) {
      // Lost again: it is asked when it is back.
      if (error instanceof BridgeLostError) return;
      throw error;
    }
    await this.#giveUp(actId, vmId, "Neither hub nor bridge can tell whether QEMU got it: look before you try again");
  }

  async #giveUp(actId: string, vmId: VmId, detail: string): Promise<void> {
    await this.change(actId, vmId, (target) => unknownForGood(target, detail));
  }

  /** Shows what is known now and puts it into the record. @throws when the record cannot be written. */
  async #settle(actId: string, changed: ActTarget): Promise<void> {
    const open = this.#open.get(actId);
    const before = open?.act ?? (await this.#stored(actId));
    const target = changed.isFinal ? this.#withNextSteps(before.action, changed) : changed;
    const act = withTarget(before, target);
    if (open) open.act = act;
    this.#events.actChanged(act);
    if (target.isFinal) {
      this.release(target.vmId, actId);
      open?.waiting.get(target.vmId)?.();
    }
    open?.unrecorded.add(target.vmId);
    await this.#acts.progress(actId, target, open?.actor ?? HUB_ACTOR);
    open?.unrecorded.delete(target.vmId);
    if (open?.unrecorded.size === 0 && act.targets.every((each) => each.isFinal)) this.#open.delete(actId);
  }

  #withNextSteps(action: Action, target: ActTarget): ActTarget {
    const steps = this.#nextSteps?.(action, target);
    return steps === undefined || steps.length === 0 ? target : { ...target, nextSteps: steps };
  }

  /** Writes what could not be written before. Stops at the first that still cannot: each try may wait for a lock. */
  async #recordAgain(actId: string): Promise<void> {
    await this.#inTurn(actId, async () => {
      const open = this.#open.get(actId);
      for (const vmId of [...(open?.unrecorded ?? [])]) {
        const target = open && targetOf(open.act, vmId);
        if (target) await this.#settle(actId, target);
      }
    });
  }

  async #stored(actId: string): Promise<ActRecord> {
    const act = await this.#acts.act(actId);
    if (!act) throw new Error(`The act ${actId} is not in the record`);
    return act;
  }

  async #inTurn(actId: string, step: () => Promise<void>): Promise<void> {
    const turn = (this.#chains.get(actId) ?? Promise.resolve()).then(step);
    const settled = turn.catch(() => undefined);
    this.#chains.set(actId, settled);
    void settled.then(() => {
      if (this.#chains.get(actId) === settled) this.#chains.delete(actId);
    });
    return turn;
  }
}
