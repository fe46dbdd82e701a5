import { randomBytes } from "node:crypto";
import type { ActRequest, PlanRequest } from "#lib/api/requests";
import type { Config } from "#lib/config/schema";
import type { ActEvidence } from "#lib/link/contract";
import type { VmId } from "#lib/vm/report";
import type { ActRecord, ActTarget } from "#lib/yank/act";
import { checkBindings } from "#lib/yank/bindings";
import { isAcknowledged, isConfirmed } from "#lib/yank/confirmation";
import { makePlan } from "#lib/yank/make-plan";
import type { Plan, PlanTarget, VoidReason } from "#lib/yank/plan";
import { bindableOf } from "#lib/yank/plannable-vm";
import type { PlannableVm } from "#lib/yank/plannable-vm";
import { refuseVm } from "#lib/yank/refusals";
import type { Log } from "#server/log";
import { ProblemError } from "../api/problem-error.ts";
import type { BridgeLinks } from "../bridges/bridge-links.ts";
import type { Clock } from "../clock.ts";
import type { Actor, AuditLog } from "../store/audit-log.ts";
import type { ActStore } from "../store/act-store.ts";
import { newAct, prepareRefusalText, skipped } from "./act-steps.ts";
import type { OpenActs } from "./open-acts.ts";

export interface YankDeskOptions {
  acts: ActStore;
  audit: AuditLog;
  links: Pick<BridgeLinks, "prepare" | "inquire">;
  openActs: OpenActs;
  clock: Clock;
  log: Log;
  /** Of one act on several VMs. */
  limits: Config["desk"];
  find(vmId: VmId): PlannableVm | undefined;
}

/**
 * Plan, confirm, act, verify. What may be done is decided in `lib/yank`; here it is made to happen once: the intent is in
 * the record before anything is sent. What happens from then on is with `OpenActs`.
 */
export class YankDesk {
  readonly #acts: ActStore;
  readonly #audit: AuditLog;
  readonly #links: YankDeskOptions["links"];
  readonly #openActs: OpenActs;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: YankDeskOptions["limits"];
  readonly #find: YankDeskOptions["find"];
  /** Confirmations under way, so that two clicks at once are one act. */
  readonly #confirming = new Map<string, Promise<ActRecord>>();
  /** Plans found void while the record could not be written. */
  readonly #voided = new Map<string, { reason: VoidReason; expiresAtMs: number }>();
  readonly #stops = new Set<() => void>();
  #isClosed = false;

  constructor({ acts, audit, links, openActs, clock, log, limits, find }: YankDeskOptions) {
    this.#acts = acts;
    this.#audit = audit;
    this.#links = links;
    this.#openActs = openActs;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#find = find;
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
   * @throws ProblemError: not-found, plan-expired, plan-void, wrong-name, not-acknowledged, act-in-progress, cannot-plan, bridge-lost,
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
    return this.#openActs.get(actId) ?? this.#acts.act(actId);
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }

  async #confirm(request: ActRequest, actor: Actor): Promise<ActRecord> {
    const before = await this.#acts.actOfPlan(request.planId);
    if (before) return this.#openActs.get(before.actId) ?? before;
    const stored = await this.#acts.plan(request.planId);
    if (!stored) throw new ProblemError("not-found", "There is no such plan; make a new one");
    const { plan } = stored;
    const found = stored.void ?? this.#voided.get(plan.planId)?.reason;
    if (found)
      throw new ProblemError("plan-void", `The plan was found void before and stays so: ${found.text}; make a new one`, { void: found });
    try {
      return await this.#carryOut(plan, request, actor);
    } catch (error) {
      if (error instanceof PlanVoidError) await this.#voidForGood(plan, error.reason, actor);
      throw error;
    }
  }

  /** A binding that changes back does not make the plan hold again: what happened in between was not confirmed. */
  async #voidForGood({ planId, expiresAtMs }: Plan, reason: VoidReason, actor: Actor): Promise<void> {
    try {
      await this.#acts.voidPlan(planId, reason, actor);
    } catch (error) {
      this.#log.error({ err: error, planId }, "that a plan is void could not be written to the record");
      const nowMs = this.#clock.nowMs();
      for (const [id, voided] of this.#voided) if (voided.expiresAtMs < nowMs) this.#voided.delete(id);
      this.#voided.set(planId, { reason, expiresAtMs });
    }
  }

  async #carryOut(plan: Plan, request: ActRequest, actor: Actor): Promise<ActRecord> {
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
    for (const target of act.targets) this.#openActs.occupy(target.vmId, act);
    try {
      return plan.targets.length === 1 ? await this.#actOnOne(act, plan, actor) : await this.#actOnSeveral(act, plan, actor);
    } catch (error) {
      if (!this.#openActs.get(act.actId)) this.#releaseAll(act);
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
    if (!isAcknowledged(plan.confirmation, request.acknowledged)) {
      const acknowledge = plan.confirmation.kind === "type-name" ? plan.confirmation.acknowledge : undefined;
      throw new ProblemError("not-acknowledged", `What has to be acknowledged first: ${acknowledge ?? ""}`, { acknowledge });
    }
    for (const target of plan.targets) {
      const busy = this.#openActs.actOn(target.vmId);
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
    if (reason) throw new PlanVoidError(reason);
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

  async #actOnOne(act: ActRecord, plan: Plan, actor: Actor): Promise<ActRecord> {
    const [planned] = plan.targets;
    const [target] = act.targets;
    if (!planned || !target) throw new Error("A plan without targets was stored");
    const answer = await this.#prepare(act.actId, target, planned, plan);
    if (!answer.ok) {
      if (answer.code === "void") throw new PlanVoidError(answer.void);
      if (answer.code === "act-in-progress") throw new ProblemError("act-in-progress", answer.text);
      throw new ProblemError("cannot-plan", answer.text, { reasons: [{ vmId: target.vmId, code: answer.code, text: answer.text }] });
    }
    const intent = intentOf(act, target, answer.evidence);
    let isFirst: boolean;
    try {
      isFirst = await this.#acts.begin(act, actor, intent);
    } catch (error) {
      await this.#giveBack(target, act.actId);
      throw new ProblemError("not-recorded", "The intent could not be written to the record, so nothing was sent", {}, { cause: error });
    }
    if (!isFirst) return this.#theOther(act);
    this.#openActs.begin(act, actor);
    try {
      await this.#openActs.go(act.actId, target, answer.ticket);
    } catch (error) {
      // It may have been sent: whoever confirmed it gets the act, and not an error that reads as if nothing had happened.
      this.#log.error({ err: error, actId: act.actId }, "what became of an act could not be recorded yet");
    }
    return this.#openActs.get(act.actId) ?? (await this.#acts.act(act.actId)) ?? act;
  }

  async #actOnSeveral(act: ActRecord, plan: Plan, actor: Actor): Promise<ActRecord> {
    let isFirst: boolean;
    try {
      isFirst = await this.#acts.begin(act, actor);
    } catch (error) {
      throw new ProblemError("not-recorded", "The act could not be written to the record, so nothing was sent", {}, { cause: error });
    }
    if (!isFirst) return this.#theOther(act);
    this.#openActs.begin(act, actor);
    this.#openActs.run(this.#takeTurns(act.actId, plan, actor));
    return act;
  }

  /** Another hub was faster with the same plan: its act is the one. */
  async #theOther(mine: ActRecord): Promise<ActRecord> {
    this.#releaseAll(mine);
    const other = await this.#acts.actOfPlan(mine.planId);
    if (!other) throw new Error(`The plan ${mine.planId} has acted, and its act cannot be found`);
    return other;
  }

  #releaseAll(act: ActRecord): void {
    for (const target of act.targets) this.#openActs.release(target.vmId, act.actId);
  }

  async #takeTurns(actId: string, plan: Plan, actor: Actor): Promise<void> {
    const queue = [...plan.targets];
    const worker = async () => {
      for (let planned = queue.shift(); planned; planned = queue.shift()) {
        if (this.#isClosed) return;
        // One turn's failure must neither end the others' nor leave their VMs occupied.
        try {
          await this.#takeTurn(actId, plan, planned, actor);
          await this.#openActs.whenFinal(actId, planned.vmId);
        } catch (error) {
          this.#log.error({ err: error, actId, vmId: planned.vmId }, "a turn's outcome could not be recorded yet");
        }
      }
    };
    const workers: Promise<void>[] = [];
    for (let index = 0; index < Math.min(this.#limits.targetsAtOnce, plan.targets.length); index += 1) {
      if (index > 0) await this.#wait(this.#limits.staggerMs);
      workers.push(worker());
    }
    await Promise.all(workers);
  }

  async #takeTurn(actId: string, plan: Plan, planned: PlanTarget, actor: Actor): Promise<void> {
    const act = this.#openActs.get(actId);
    const target = this.#openActs.openTarget(actId, planned.vmId);
    if (!act || !target) return;
    let ticket: string;
    try {
      this.#checkNoneWorse(actId);
      const reason = this.#voidReason(planned);
      if (reason) throw new PlanVoidError(reason);
      const answer = await this.#prepare(actId, target, planned, plan);
      if (!answer.ok) {
        await this.#skip(actId, target.vmId, prepareRefusalText(answer));
        return;
      }
      ticket = answer.ticket;
      try {
        // Others went on while the bridge looked.
        this.#checkNoneWorse(actId);
        await this.#acts.intend(actor, intentOf(act, target, answer.evidence));
      } catch (error) {
        await this.#giveBack(target, actId);
        throw error;
      }
    } catch (error) {
      this.#log.warn({ actId, vmId: target.vmId, error: String(error) }, "a target was skipped");
      await this.#skip(
        actId,
        target.vmId,
        error instanceof ProblemError || error instanceof StoppedError
          ? error.message
          : "The intent could not be written to the record, so nothing was sent",
      );
      return;
    }
    await this.#openActs.go(actId, target, ticket);
  }

  #checkNoneWorse(actId: string): void {
    const worse = this.#openActs.get(actId)?.targets.find((target) => target.verdict === "worse");
    if (worse) throw new StoppedError(`Stopped: ${worse.vmName} got worse`);
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

  /** A ticket that will not be used: who asks for the outcome ends it, so that the VM is free for another try at once. */
  async #giveBack({ bridgeId, vmId }: ActTarget, actId: string): Promise<void> {
    await this.#links.inquire(bridgeId, { actId, vmId }).catch((error: unknown) => {
      this.#log.warn({ actId, vmId, error: String(error) }, "a ticket could not be given back; it lapses by itself");
    });
  }

  async #skip(actId: string, vmId: VmId, detail: string): Promise<void> {
    await this.#openActs.change(actId, vmId, (target) => skipped(target, detail));
  }

  /** A note that must not stop what it is about. */
  async #note(actor: Actor, event: Parameters<AuditLog["append"]>[1]): Promise<void> {
    try {
      await this.#audit.append(actor, event);
    } catch (error) {
      this.#log.error({ error: String(error), type: event.type }, "the audit could not be written");
    }
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

/** A binding of the plan changed. */
class PlanVoidError extends ProblemError {
  readonly reason: VoidReason;
  constructor(reason: VoidReason) {
    super("plan-void", `The plan does not hold any more: ${reason.text}`, { void: reason });
    this.reason = reason;
  }
}

/** An act of several was stopped before this target's turn. */
class StoppedError extends Error {
  override readonly name = "StoppedError";
}

function intentOf(act: ActRecord, target: ActTarget, evidence: ActEvidence) {
  const { actId, planId, reason } = act;
  return { type: "act-intended" as const, actId, planId, vmId: target.vmId, command: target.command, reason, evidence };
}

function newId(kind: "plan" | "act"): string {
  return `${kind}-${randomBytes(12).toString("hex")}`;
}
