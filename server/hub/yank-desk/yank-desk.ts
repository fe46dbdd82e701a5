import { randomBytes } from "node:crypto";
import type { ActRequest, PlanRequest } from "#lib/api/requests";
import type { VmSummary } from "#lib/api/vm";
import type { ActEvidence, ProgressReport } from "#lib/link/contract";
import type { VmId } from "#lib/vm/report";
import { isActOpen } from "#lib/yank/act";
import type { ActRecord, ActTarget } from "#lib/yank/act";
import { checkBindings } from "#lib/yank/bindings";
import { isConfirmed } from "#lib/yank/confirmation";
import { makePlan } from "#lib/yank/make-plan";
import type { Plan, PlanTarget, VoidReason } from "#lib/yank/plan";
import { bindableOf } from "#lib/yank/plannable-vm";
import type { PlannableVm } from "#lib/yank/plannable-vm";
import { refuseVm } from "#lib/yank/refusals";
import type { Log } from "#server/log";
import { ProblemError } from "../api/problem-error.ts";
import { BridgeLostError } from "../bridges/bridge-links.ts";
import type { BridgeLinks } from "../bridges/bridge-links.ts";
import type { Clock } from "../clock.ts";
import { HUB_ACTOR } from "../store/audit-log.ts";
import type { Actor, AuditLog } from "../store/audit-log.ts";
import type { ActStore } from "../store/act-store.ts";
import {
  newAct,
  notSent,
  prepareRefusalText,
  progressed,
  refusedGo,
  skipped,
  targetOf,
  unknownForGood,
  unknownForNow,
  withTarget,
} from "./act-steps.ts";

/** Targets of one act that are under way at once. */
export const MAX_TARGETS_AT_ONCE = 5;
/** Between the starts of two targets of one act. */
export const STAGGER_MS = 200;

/** A bridge verifies for ten seconds; one that has said nothing final by then is asked. */
const ASK_AFTER_MS = 20_000;
/** And one that has none by then never will have: an act must not block its VM for ever. */
const GIVE_UP_AFTER_MS = 60_000;

export type DeskLinks = Pick<BridgeLinks, "isConnected" | "prepare" | "go" | "inquire" | "acknowledge">;

export interface YankDeskOptions {
  acts: ActStore;
  audit: AuditLog;
  links: DeskLinks;
  clock: Clock;
  log: Log;
  find(vmId: VmId): PlannableVm | undefined;
  events: YankDeskListener;
}

export interface YankDeskListener {
  actChanged(act: ActRecord): void;
  /** An act begins or ends on a VM. */
  actInProgress(vmId: VmId, act: VmSummary["actInProgress"]): void;
}

interface OpenAct {
  act: ActRecord;
  actor: Actor;
  /** The targets that a bridge was told to go on with, or may have been, and when (Unix ms). */
  going: Map<VmId, number>;
  /** Set where several targets take turns; resolves when a target is done with. */
  waiting: Map<VmId, () => void>;
}

/**
 * Plan, confirm, act, verify. What may be done is decided in `lib/yank`; here it is made to happen once: the intent is in
 * the record before anything is sent, and what has no outcome is asked for and never sent again.
 */
export class YankDesk {
  readonly #acts: ActStore;
  readonly #audit: AuditLog;
  readonly #links: DeskLinks;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #find: YankDeskOptions["find"];
  readonly #events: YankDeskListener;
  readonly #open = new Map<string, OpenAct>();
  readonly #busy = new Map<VmId, NonNullable<VmSummary["actInProgress"]>>();
  /** Confirmations under way, so that two clicks at once are one act. */
  readonly #confirming = new Map<string, Promise<ActRecord>>();
  /** Progress of one act is applied in the order in which it came. */
  readonly #chains = new Map<string, Promise<void>>();
  readonly #stops = new Set<() => void>();
  #isClosed = false;

  constructor({ acts, audit, links, clock, log, find, events }: YankDeskOptions) {
    this.#acts = acts;
    this.#audit = audit;
    this.#links = links;
    this.#clock = clock;
    this.#log = log;
    this.#find = find;
    this.#events = events;
  }

  /** Takes up what an earlier run left without an outcome. To be called before anything is confirmed. */
  async recover(): Promise<void> {
    for (const { actId, isIntended, target } of await this.#acts.openTargets()) {
      if (!isIntended) {
        // Its intent was never committed, so it was never sent.
        await this.#acts.progress(actId, skipped(target, "The hub stopped before its turn"), HUB_ACTOR);
        continue;
      }
      const unknown = unknownForNow(target, "The hub stopped in the middle; the bridge is being asked what became of it");
      await this.#acts.progress(actId, unknown, HUB_ACTOR);
      const act = await this.#acts.act(actId);
      if (!act) continue;
      const open = this.#open.get(actId) ?? { act, actor: HUB_ACTOR, going: new Map(), waiting: new Map() };
      open.act = act;
      open.going.set(target.vmId, this.#clock.nowMs());
      this.#open.set(actId, open);
      this.#occupy(target.vmId, { actId, who: act.who, sinceAtMs: act.createdAtMs });
    }
  }

  /** @throws ProblemError: invalid-plan-request, cannot-plan, not-recorded */
  async plan(request: PlanRequest, actor: Actor): Promise<Plan> {
    const planId = newId("plan");
    const result = makePlan(request, { find: this.#find, planId, nowMs: this.#clock.nowMs() });
    if (!result.ok) {
      const detail = result.code === "cannot-plan" ? result.reasons.map((reason) => reason.text).join("; ") : result.detail;
      const vmIds = request.targets.map((target) => target.vmId);
      await this.#note(actor, { type: "plan-refused", action: request.action, vmIds, code: result.code, detail });
      throw new ProblemError(result.code, detail, result.code === "cannot-plan" ? { reasons: result.reasons } : {});
    }
    try {
      await this.#acts.savePlan(result.plan, actor);
    } catch (error) {
      throw new ProblemError("not-recorded", "The plan could not be written to the record, so it is not offered", {}, { cause: error });
    }
    return result.plan;
  }

  /**
   * Carries out a plan, once: whoever confirms it again gets the same act. Returns as soon as the intent is on the disk and
   * the bridge was told to go; what QEMU does arrives as progress.
   * @throws ProblemError: not-found, plan-expired, plan-void, wrong-name, act-in-progress, cannot-plan, bridge-lost,
   * not-recorded. With each of them nothing was sent.
   */
  async confirm(request: ActRequest, actor: Actor): Promise<ActRecord> {
    const underWay = this.#confirming.get(request.planId);
    if (underWay) return underWay;
    const confirming = this.#confirm(request, actor);
    this.#confirming.set(request.planId, confirming);
    try {
      return await confirming;
    } catch (error) {
      if (error instanceof ProblemError) {
        await this.#note(actor, { type: "act-refused", planId: request.planId, code: error.code, detail: error.message });
      }
      throw error;
    } finally {
      this.#confirming.delete(request.planId);
    }
  }

  /** An act as it stands now. */
  async act(actId: string): Promise<ActRecord | undefined> {
    return this.#open.get(actId)?.act ?? this.#acts.act(actId);
  }

  /** The act under way on this VM. */
  actOn(vmId: VmId): VmSummary["actInProgress"] {
    return this.#busy.get(vmId);
  }

  /** A bridge reports how one target stands. Resolves when that is in the record; a rejection leaves it with the bridge. */
  async progressed(bridgeId: string, report: ProgressReport): Promise<void> {
    const receivedAtMs = this.#clock.nowMs();
    await this.#inTurn(report.actId, async () => {
      const act = await this.act(report.actId);
      const target = act && targetOf(act, report.vmId);
      // Not ours, or not this bridge's: nothing to keep for us.
      if (!act || !target || target.bridgeId !== bridgeId) return;
      const next = progressed(target, report, receivedAtMs);
      if (next) await this.#settle(report.actId, next);
      const kept = next ?? target;
      if (kept.isFinal) this.#links.acknowledge(bridgeId, { actId: report.actId, vmId: report.vmId });
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
        this.#run(
          this.#inTurn(act.actId, async () => {
            const target = this.#openTarget(act.actId, vmId);
            if (!target || target.verdict === "unknown") return;
            await this.#settle(
              act.actId,
              unknownForNow(target, `The bridge on ${host} is not connected; it will be asked when it is back`),
            );
          }),
        );
      }
    }
  }

  /** Asks for outcomes that are overdue, so that none stays open for ever. To be called every few seconds. */
  checkOverdue(): void {
    const nowMs = this.#clock.nowMs();
    for (const { act, going } of this.#open.values()) {
      for (const target of act.targets.filter(isActOpen)) {
        const wentAtMs = going.get(target.vmId);
        // While its bridge is away nobody could be asked.
        if (wentAtMs === undefined || nowMs - wentAtMs < ASK_AFTER_MS || !this.#links.isConnected(target.bridgeId)) continue;
        if (nowMs - wentAtMs < GIVE_UP_AFTER_MS) this.#inquire(act.actId, target.vmId);
        else this.#run(this.#giveUp(act.actId, target.vmId, "The bridge has not said what became of it: look before you try again"));
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }

  async #confirm(request: ActRequest, actor: Actor): Promise<ActRecord> {
    const before = await this.#acts.actOfPlan(request.planId);
    if (before) return this.#open.get(before.actId)?.act ?? before;
    const plan = await this.#acts.plan(request.planId);
    if (!plan) throw new ProblemError("not-found", "There is no such plan; make a new one");
    this.#checkConfirmable(plan, request);
    const act = newAct({
      actId: newId("act"),
      plan,
      who: actor.who,
      reason: request.reason,
      nowMs: this.#clock.nowMs(),
      bridgeIdOf: (vmId) => this.#find(vmId)?.bridgeId ?? "",
    });
    // From here to the end nothing else may begin on these VMs, also while we wait.
    for (const target of act.targets) this.#occupy(target.vmId, { actId: act.actId, who: act.who, sinceAtMs: act.createdAtMs });
    try {
      const open: OpenAct = { act, actor, going: new Map(), waiting: new Map() };
      return plan.targets.length === 1 ? await this.#actOnOne(open, plan) : await this.#actOnSeveral(open, plan);
    } catch (error) {
      if (!this.#open.has(act.actId)) for (const target of act.targets) this.#release(target.vmId, act.actId);
      throw error;
    }
  }

  #checkConfirmable(plan: Plan, request: ActRequest): void {
    if (this.#clock.nowMs() > plan.expiresAtMs) {
      throw new ProblemError("plan-expired", "This plan was made more than a minute ago; make a new one and look at it again");
    }
    if (!isConfirmed(plan.confirmation, request.typedName)) {
      const wanted = plan.confirmation.kind === "type-name" ? plan.confirmation.name : "";
      throw new ProblemError("wrong-name", `What was typed is not ${JSON.stringify(wanted)}`);
    }
    for (const target of plan.targets) {
      const busy = this.#busy.get(target.vmId);
      if (busy) {
        throw new ProblemError(
          "act-in-progress",
          `${busy.who} is acting on ${target.vmName} since ${new Date(busy.sinceAtMs).toISOString()}`,
          { act: busy },
        );
      }
    }
    // Several take turns, and each is checked at its own.
    const only = plan.targets.length === 1 ? plan.targets[0] : undefined;
    if (!only) return;
    const reason = this.#voidReason(only);
    if (reason) throw voidProblem(reason);
    const vm = this.#find(only.vmId);
    const refusal = vm && refuseVm(vm, plan.action);
    if (refusal) throw new ProblemError("cannot-plan", refusal.text, { reasons: [refusal] });
  }

  #voidReason(target: PlanTarget): VoidReason | undefined {
    const vm = this.#find(target.vmId);
    if (!vm) return { code: "vm-gone", text: `${target.vmName} is not there any more` };
    if (vm.isLost) throw new ProblemError("bridge-lost", `The bridge on ${target.host} is not connected, so nothing was sent`);
    return checkBindings(target.bindings, bindableOf(vm));
  }

  async #actOnOne(open: OpenAct, plan: Plan): Promise<ActRecord> {
    const [planned] = plan.targets;
    const [target] = open.act.targets;
    if (!planned || !target) throw new Error("A plan without targets was stored");
    const answer = await this.#prepare(open.act.actId, target, planned, plan);
    if (!answer.ok) {
      if (answer.code === "void") throw voidProblem(answer.void);
      if (answer.code === "act-in-progress") throw new ProblemError("act-in-progress", answer.text);
      throw new ProblemError("cannot-plan", answer.text, { reasons: [{ vmId: target.vmId, code: answer.code, text: answer.text }] });
    }
    const intent = intentOf(open.act, target, answer.evidence);
    let isFirst: boolean;
    try {
      isFirst = await this.#acts.begin(open.act, open.actor, intent);
    } catch (error) {
      throw new ProblemError("not-recorded", "The intent could not be written to the record, so nothing was sent", {}, { cause: error });
    }
    if (!isFirst) return this.#theOther(open.act);
    this.#open.set(open.act.actId, open);
    this.#events.actChanged(open.act);
    await this.#go(open.act.actId, target, answer.ticket);
    return open.act;
  }

  async #actOnSeveral(open: OpenAct, plan: Plan): Promise<ActRecord> {
    let isFirst: boolean;
    try {
      isFirst = await this.#acts.begin(open.act, open.actor);
    } catch (error) {
      throw new ProblemError("not-recorded", "The act could not be written to the record, so nothing was sent", {}, { cause: error });
    }
    if (!isFirst) return this.#theOther(open.act);
    this.#open.set(open.act.actId, open);
    this.#events.actChanged(open.act);
    this.#run(this.#takeTurns(open, plan));
    return open.act;
  }

  /** Another hub was faster with the same plan: its act is the one. */
  async #theOther(mine: ActRecord): Promise<ActRecord> {
    for (const target of mine.targets) this.#release(target.vmId, mine.actId);
    const other = await this.#acts.actOfPlan(mine.planId);
    if (!other) throw new Error(`The plan ${mine.planId} has acted, and its act cannot be found`);
    return other;
  }

  async #takeTurns(open: OpenAct, plan: Plan): Promise<void> {
    const { actId } = open.act;
    const queue = [...plan.targets];
    const worker = async () => {
      for (let planned = queue.shift(); planned; planned = queue.shift()) {
        if (this.#isClosed) return;
        const worse = open.act.targets.find((target) => target.verdict === "worse");
        if (worse) {
          await this.#skip(actId, planned.vmId, `Stopped: ${worse.vmName} got worse`);
          continue;
        }
        const done = new Promise<void>((resolve) => open.waiting.set(planned.vmId, resolve));
        if (await this.#takeTurn(open, plan, planned)) await done;
        open.waiting.delete(planned.vmId);
      }
    };
    const workers: Promise<void>[] = [];
    for (let index = 0; index < Math.min(MAX_TARGETS_AT_ONCE, plan.targets.length); index += 1) {
      if (index > 0) await this.#wait(STAGGER_MS);
      workers.push(worker());
    }
    await Promise.all(workers);
  }

  /** @returns whether the target is under way, and its outcome worth waiting for. */
  async #takeTurn(open: OpenAct, plan: Plan, planned: PlanTarget): Promise<boolean> {
    const { actId } = open.act;
    const target = this.#openTarget(actId, planned.vmId);
    if (!target) return false;
    let ticket: string;
    try {
      const reason = this.#voidReason(planned);
      if (reason) throw voidProblem(reason);
      const answer = await this.#prepare(actId, target, planned, plan);
      if (!answer.ok) {
        await this.#skip(actId, target.vmId, prepareRefusalText(answer));
        return false;
      }
      await this.#acts.intend(open.actor, intentOf(open.act, target, answer.evidence));
      ticket = answer.ticket;
    } catch (error) {
      this.#log.warn({ actId, vmId: target.vmId, error: String(error) }, "a target was skipped");
      await this.#skip(
        actId,
        target.vmId,
        error instanceof ProblemError ? error.message : "The intent could not be written to the record, so nothing was sent",
      );
      return false;
    }
    await this.#go(actId, target, ticket);
    return this.#openTarget(actId, target.vmId) !== undefined;
  }

  async #prepare(actId: string, target: ActTarget, planned: PlanTarget, plan: Plan) {
    try {
      return await this.#links.prepare(target.bridgeId, {
        actId,
        vmId: target.vmId,
        action: plan.action,
        instances: target.instances,
        bindings: planned.bindings,
      });
    } catch (error) {
      throw new ProblemError("bridge-lost", `The bridge on ${target.host} did not answer, so nothing was sent`, {}, { cause: error });
    }
  }

  /** Sends. From here on an outcome that is not known is unknown, and never tried again. */
  async #go(actId: string, target: ActTarget, ticket: string): Promise<void> {
    this.#open.get(actId)?.going.set(target.vmId, this.#clock.nowMs());
    try {
      const answer = await this.#links.go(target.bridgeId, { actId, ticket });
      if (answer.ok) return;
      const refused = refusedGo(target, answer);
      if (refused) await this.#inTurn(actId, () => this.#settle(actId, refused));
      else this.#inquire(actId, target.vmId);
    } catch (error) {
      this.#log.warn({ actId, vmId: target.vmId, error: String(error) }, "the bridge did not say whether it sent the command");
      await this.#inTurn(actId, async () => {
        const current = this.#openTarget(actId, target.vmId);
        // Its progress may have been faster than this answer.
        if (current?.state !== "intended") return;
        await this.#settle(
          actId,
          unknownForNow(current, `The bridge on ${target.host} hung up in the middle; it will be asked when it is back`),
        );
      });
      if (this.#links.isConnected(target.bridgeId)) this.#inquire(actId, target.vmId);
    }
  }

  #inquire(actId: string, vmId: VmId): void {
    this.#run(this.#askOutcome(actId, vmId));
  }

  async #askOutcome(actId: string, vmId: VmId): Promise<void> {
    const target = this.#openTarget(actId, vmId);
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
    await this.#inTurn(actId, async () => {
      const current = this.#openTarget(actId, vmId);
      if (current) await this.#settle(actId, unknownForGood(current, detail));
    });
  }

  async #skip(actId: string, vmId: VmId, detail: string): Promise<void> {
    await this.#inTurn(actId, async () => {
      const target = this.#openTarget(actId, vmId);
      if (!target) return;
      const isAlone = (this.#open.get(actId)?.act.targets.length ?? 1) === 1;
      await this.#settle(actId, isAlone ? notSent(target, detail) : skipped(target, detail));
    });
  }

  /** Shows what is known now and puts it into the record. @throws when the record cannot be written. */
  async #settle(actId: string, target: ActTarget): Promise<void> {
    const open = this.#open.get(actId);
    const act = withTarget(open?.act ?? (await this.#stored(actId)), target);
    if (open) open.act = act;
    this.#events.actChanged(act);
    if (target.isFinal) {
      this.#release(target.vmId, actId);
      open?.waiting.get(target.vmId)?.();
    }
    await this.#acts.progress(actId, target, open?.actor ?? HUB_ACTOR);
    if (act.targets.every((each) => each.isFinal)) this.#open.delete(actId);
  }

  async #stored(actId: string): Promise<ActRecord> {
    const act = await this.#acts.act(actId);
    if (!act) throw new Error(`The act ${actId} is not in the record`);
    return act;
  }

  #openTarget(actId: string, vmId: VmId): ActTarget | undefined {
    const act = this.#open.get(actId)?.act;
    const target = act && targetOf(act, vmId);
    return target && isActOpen(target) ? target : undefined;
  }

  #occupy(vmId: VmId, act: NonNullable<VmSummary["actInProgress"]>): void {
    this.#busy.set(vmId, act);
    this.#events.actInProgress(vmId, act);
  }

  #release(vmId: VmId, actId: string): void {
    if (this.#busy.get(vmId)?.actId !== actId) return;
    this.#busy.delete(vmId);
    this.#events.actInProgress(vmId, undefined);
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

  /** A note that must not stop what it is about. */
  async #note(actor: Actor, event: Parameters<AuditLog["append"]>[1]): Promise<void> {
    try {
      await this.#audit.append(actor, event);
    } catch (error) {
      this.#log.error({ error: String(error), type: event.type }, "the audit could not be written");
    }
  }

  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#isClosed) this.#log.error({ error: String(error) }, "an act could not be carried on; its record is unchanged");
    });
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        this.#stops.delete(finish);
        stop();
        resolve();
      };
      const stop = this.#clock.after(ms, finish);
      this.#stops.add(finish);
    });
  }
}

function intentOf(act: ActRecord, target: ActTarget, evidence: ActEvidence) {
  const { actId, planId, reason } = act;
  return { type: "act-intended" as const, actId, planId, vmId: target.vmId, command: target.command, reason, evidence };
}

function voidProblem(reason: VoidReason): ProblemError {
  return new ProblemError("plan-void", `The plan does not hold any more: ${reason.text}`, { void: reason });
}

function newId(kind: "plan" | "act"): string {
  return `${kind}-${randomBytes(12).toString("hex")}`;
}
