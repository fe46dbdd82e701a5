import { clipForLink, clipProgress } from "#lib/link/bounds";
import { TICKET_LIFETIME_MS } from "#lib/link/contract";
import type { GoAnswer, GoRequest, PrepareAnswer, PrepareRequest, ProgressReport } from "#lib/link/contract";
import type { VmId, VmReport } from "#lib/vm/report";
import type { ActProgress } from "#lib/yank/act";
import { checkBindings } from "#lib/yank/bindings";
import type { VoidReason } from "#lib/yank/plan";
import type { QmpClock } from "#server/qmp/clock";
import type { ActsDesk, ActVm } from "../vm/ports.ts";
import { cancelRefusal, checkAct, checkRequest, isRefusal, requeryRefusal } from "./act-checks.ts";
import type { ActCommand } from "./act-checks.ts";
import { gatherEvidence } from "./act-evidence.ts";
import { OutcomeStore, recalledProgress } from "./outcome-store.ts";
import type { Outcome } from "./outcome-store.ts";
import { RunningAct } from "./running-act.ts";

/** Preparing re-reads instances and migration and saves the evidence; both reads together stay below two seconds. */
const REQUERY_TIMEOUT_MS = 1_000;
const MIGRATION_TIMEOUT_MS = 700;
const PREPARE_WITHIN_MS = 2_000;
/** Sockets and threads are read beside them, and are not waited for any longer. */
const HOST_TIMEOUT_MS = 700;
/** That an act was executed is remembered for this long after a hub has its outcome. */
const REMEMBER_EXECUTED_MS = 3_600_000;
/** A lapsed ticket is answered with `late-ticket` for this long, then it is unknown. */
const REMEMBER_TICKET_MS = 60_000;

export interface ActsLogger {
  warn(details: object, text: string): void;
  error(details: object, text: string): void;
}

export interface ActsOptions {
  /** Where outcomes are kept until a hub has them; made with mode 0700. */
  readonly outcomeDirectory: string;
  readonly clock: QmpClock;
  /** Unguessable text, at least 128 bits of it: tickets. */
  readonly random: () => string;
  readonly logger: ActsLogger;
  readonly vms: (vmId: VmId) => ActVm | undefined;
  /** Every change of an act under way; what is not acknowledged is also in `pending()`. */
  readonly onProgress: (report: ProgressReport) => void;
  /** The wall clock, for the age of what an earlier process left; Unix ms. */
  readonly nowUnixMs?: () => number;
}

interface ActInHand {
  readonly request: PrepareRequest;
  readonly vm: ActVm;
  phase: "preparing" | "prepared" | "going" | "over";
  ticket?: string;
  ticketUntilMonoMs: number;
  command?: ActCommand;
  report?: VmReport;
  evidence?: unknown;
  running?: RunningAct;
  stopTimer?: () => void;
}

/**
 * The bridge's half of the yank desk. One act per VM at a time; an act is executed once, ever: its outcome is on disk
 * before its command is written, and a record that was left so reads `unknown` after a restart and is never sent again.
 * The hub is asked for nothing and believed in nothing: instances, bindings, monitors and statuses are checked here again.
 * Owned by the bridge's compose; `close` ends it, and what is under way then is `unknown` to the next process.
 */
export class Acts implements ActsDesk {
  readonly #options: ActsOptions;
  readonly #store: OutcomeStore;
  readonly #byVm = new Map<VmId, ActInHand>();
  readonly #byTicket = new Map<string, ActInHand>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #timers = new Set<() => void>();
  #isClosed = false;

  /** Reads what an earlier process left. @throws the system's error where the folder cannot be made or read. */
  constructor(options: ActsOptions) {
    this.#options = options;
    this.#store = new OutcomeStore(options.outcomeDirectory);
    for (const { outcome, ageMs } of this.#store.load((options.nowUnixMs ?? Date.now)())) this.#recall(outcome, ageMs);
  }

  /** Never rejects. A ticket stands for this act, on this VM, for TICKET_LIFETIME_MS of this process's clock. */
  async prepare(request: PrepareRequest): Promise<PrepareAnswer> {
    return clipRefusal(await this.#prepare(request));
  }

  async #prepare(request: PrepareRequest): Promise<PrepareAnswer> {
    const { vmId, actId } = request;
    const vm = this.#options.vms(vmId);
    if (this.#isClosed || !vm) return { ok: false, code: "unknown-vm", text: "this bridge does not watch that VM" };
    const malformed = checkRequest(request);
    if (malformed) return malformed;
    if (this.#wasExecuted(actId, vmId)) return { ok: false, code: "not-allowed", text: "this act was executed already" };
    const other = this.#byVm.get(vmId);
    if (other && !(other.request.actId === actId && other.phase === "prepared")) {
      return { ok: false, code: "act-in-progress", text: occupiedText(other.phase) };
    }
    if (other) this.#drop(other);
    const act: ActInHand = { request, vm, phase: "preparing", ticketUntilMonoMs: 0 };
    this.#byVm.set(vmId, act);
    try {
      const answer = await Promise.race([this.#reread(act), this.#outOfTime(act)]);
      if (!answer.ok) this.#release(act);
      return answer;
    } catch (error) {
      this.#release(act);
      this.#options.logger.warn({ err: error, actId, vmId }, "an act could not be prepared");
      return { ok: false, code: "not-answering", text: "the VM could not be read again" };
    }
  }

  /** Never rejects. `ok` means that the command is on its way, once; all else arrives as progress. */
  async go(request: GoRequest): Promise<GoAnswer> {
    const act = this.#byTicket.get(request.ticket);
    if (!act || act.request.actId !== request.actId) return { ok: false, code: "unknown-ticket", text: "this bridge gave no such ticket" };
    if (act.phase === "going" || this.#wasExecuted(act.request.actId, act.request.vmId)) {
      return { ok: false, code: "already-executed", text: "this act was executed already" };
    }
    if (this.#isLate(act)) return LATE;
    const { command, report } = act;
    if (act.phase !== "prepared" || !command || !report) return { ok: false, code: "unknown-ticket", text: "this act is not prepared" };
    // From here on no second go passes, whatever is awaited.
    act.phase = "going";
    act.stopTimer?.();
    this.#later(REMEMBER_TICKET_MS, () => this.#byTicket.delete(request.ticket));
    const objection = await this.#objection(act, report);
    if (objection !== undefined) {
      this.#finishUnsent(act, objection);
      return { ok: true };
    }
    try {
      await this.#save(this.#outcomeOf(act, "sending", ON_ITS_WAY));
    } catch (error) {
      this.#options.logger.error(
        { err: error, actId: request.actId },
        "an act's record could not be written, so the act was not carried out",
      );
      this.#forget(act);
      return { ok: false, code: "not-recorded", text: "the bridge could not write its record of the act, so nothing was sent" };
    }
    // A slow disk may have used up the ticket's time; nobody waits for this command any more.
    if (this.#isClosed || this.#options.clock.nowMonoMs() > act.ticketUntilMonoMs) {
      this.#finishUnsent(act, "writing the record took longer than the ticket was good for");
      return LATE;
    }
    // Nor may another process have taken the address while the record was written.
    const voided = this.#voided(act, report);
    if (voided) {
      this.#finishUnsent(act, voided.text);
      return { ok: true };
    }
    this.#run(act, command, report);
    return { ok: true };
  }

  /** A hub has committed the final outcome: it may be forgotten, but not that the act was executed. */
  acknowledge(actId: string, vmId: VmId): void {
    const outcome = this.#outcomes.get(keyOf(actId, vmId));
    if (!outcome?.progress.isFinal || outcome.phase === "acknowledged") return;
    const { progress } = outcome;
    this.#keep({ actId, vmId, phase: "acknowledged", progress: { ...progress, detail: undefined, aftermath: [] } });
    this.#forgetLater(actId, vmId, REMEMBER_EXECUTED_MS);
  }

  /** Who asks has no ticket any more: one that is still good ends here, so that the answer stays true. */
  inquire(actId: string, vmId: VmId): ProgressReport | { unknown: true } {
    const act = this.#byVm.get(vmId);
    if (act?.request.actId === actId) this.#lapse(act);
    const outcome = this.#outcomes.get(keyOf(actId, vmId));
    if (!outcome || outcome.phase === "acknowledged") return { unknown: true };
    // The go came, and the record that says so is still being written.
    const isOnItsWay = act?.request.actId === actId && act.phase === "going" && outcome.phase === "prepared";
    return isOnItsWay ? { actId, vmId, progress: ON_ITS_WAY } : this.#reportOf(outcome);
  }

  /** Every act that was begun and that no hub has acknowledged. */
  pending(): ProgressReport[] {
    const isPending = (outcome: Outcome) => outcome.phase !== "acknowledged" && outcome.phase !== "prepared";
    return [...this.#outcomes.values()].filter(isPending).map((outcome) => this.#reportOf(outcome));
  }

  /** Safe to call twice. Resolves when no record is being written any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const act of this.#byVm.values()) act.running?.close();
    for (const stop of this.#timers) stop();
    this.#timers.clear();
    await this.#store.settled();
  }

  async #outOfTime(act: ActInHand): Promise<PrepareAnswer> {
    return await new Promise((resolve) => {
      act.stopTimer = this.#later(PREPARE_WITHIN_MS, () => resolve(NOT_ANSWERING));
    });
  }

  /** Everything that a plan depends on, read again, and the evidence. */
  async #reread(act: ActInHand): Promise<PrepareAnswer> {
    const { request, vm } = act;
    const freshened = vm.freshenHost(HOST_TIMEOUT_MS).catch(() => false);
    let yankInstances: Awaited<ReturnType<ActVm["requeryInstances"]>>;
    try {
      yankInstances = await vm.requeryInstances(REQUERY_TIMEOUT_MS);
    } catch (error) {
      return requeryRefusal(error);
    }
    const touchesMigration = request.action !== "yank" || request.bindings.migration !== undefined;
    const reread = touchesMigration ? await vm.requeryMigration(MIGRATION_TIMEOUT_MS) : undefined;
    // What is known of the migration while in-band is stuck is the last sample: a yank may go by it, a cancel may not.
    if (!reread && request.action !== "yank") {
      return { ok: false, code: "in-band-busy", text: "the migration's status could not be read again right now" };
    }
    const isHostFresh = await freshened;
    if (act.phase !== "preparing") return NOT_ANSWERING;
    const current = vm.report();
    const report: VmReport = { ...current, instances: vm.describe(yankInstances), migration: reread ?? current.migration };
    const command = checkAct(request, report);
    if (isRefusal(command)) return command;
    const evidence = gatherEvidence({
      report,
      yankInstances,
      events: vm.recentEvents(),
      named: request.instances,
      topology: vm.topology(),
      leftOut: isHostFresh ? [] : [staleHostText(report)],
    });
    Object.assign(act, { command, report, evidence, phase: "prepared", ticket: this.#options.random() } satisfies Partial<ActInHand>);
    const ticket = act.ticket ?? "";
    this.#keep(this.#outcomeOf(act, "prepared", NOT_GONE));
    act.ticketUntilMonoMs = this.#options.clock.nowMonoMs() + TICKET_LIFETIME_MS;
    this.#byTicket.set(ticket, act);
    act.stopTimer?.();
    act.stopTimer = this.#later(TICKET_LIFETIME_MS, () => this.#lapse(act));
    return { ok: true, ticket, evidence };
  }

  /** The binding that no longer holds by what is known now, without another question to the VM. */
  #voided({ request, vm }: ActInHand, { instances }: VmReport): VoidReason | undefined {
    const now = vm.report();
    const healthKind = now.health.verdict.kind;
    return checkBindings({ ...request.bindings, migration: undefined }, { incarnationId: now.incarnation.id, healthKind, instances });
  }

  /** Why the act must not go after all; the last look before its record. */
  async #objection(act: ActInHand, prepared: VmReport): Promise<string | undefined> {
    const { request, vm } = act;
    const voided = this.#voided(act, prepared);
    if (voided) return voided.text;
    if (request.action !== "cancel-migration") return undefined;
    try {
      return cancelRefusal(await vm.requeryMigration(MIGRATION_TIMEOUT_MS));
    } catch {
      return cancelRefusal(undefined);
    }
  }

  #run(act: ActInHand, command: ActCommand, prepared: VmReport): void {
    const { vm, request } = act;
    const report: VmReport = { ...vm.report(), instances: prepared.instances };
    const onProgress = (progress: ActProgress, sentAgeMs: number | undefined) => this.#progressed(act, progress, sentAgeMs);
    const { action, instances } = request;
    act.running = new RunningAct({ vm, clock: this.#options.clock, action, instances, command, report, onProgress });
    void act.running.send().catch((error: unknown) => this.#options.logger.error({ err: error }, "an act failed in a way nobody foresaw"));
  }

  #progressed(act: ActInHand, progress: ActProgress, sentAgeMs: number | undefined): void {
    const { actId, vmId } = act.request;
    const outcome = this.#outcomeOf(act, progress.isFinal ? "done" : "going", progress);
    const report: ProgressReport = { actId, vmId, progress, sentAgeMs };
    if (!progress.isFinal) {
      this.#keep(outcome);
      this.#options.onProgress(report);
      return;
    }
    // The last word is on disk before anybody hears it, so that a restart cannot tell another one.
    this.#release(act);
    this.#outcomes.set(keyOf(actId, vmId), outcome);
    this.#store
      .save(outcome)
      .catch((error: unknown) => this.#options.logger.error({ err: error, actId }, "an act's outcome could not be written"))
      .finally(() => {
        if (!this.#isClosed) this.#options.onProgress(report);
      });
  }

  #finishUnsent(act: ActInHand, detail: string): void {
    this.#progressed(act, { state: "not-sent", verdict: "none", detail: clipForLink(detail), aftermath: [], isFinal: true }, undefined);
  }

  #lapse(act: ActInHand): void {
    if (act.phase !== "prepared") return;
    this.#release(act);
    const { actId, vmId } = act.request;
    this.#forgetLater(actId, vmId, REMEMBER_EXECUTED_MS);
    this.#later(REMEMBER_TICKET_MS, () => this.#byTicket.delete(act.ticket ?? ""));
  }

  #isLate(act: ActInHand): boolean {
    return act.phase === "over" || this.#options.clock.nowMonoMs() > act.ticketUntilMonoMs;
  }

  /** The VM is free for another act. */
  #release(act: ActInHand): void {
    act.phase = "over";
    act.stopTimer?.();
    act.running?.close();
    if (this.#byVm.get(act.request.vmId) === act) this.#byVm.delete(act.request.vmId);
  }

  /** As if it had never been prepared: only for what surely was not executed. */
  #forget(act: ActInHand): void {
    this.#drop(act);
    const { actId, vmId } = act.request;
    this.#outcomes.delete(keyOf(actId, vmId));
    this.#removeFile(actId, vmId);
  }

  #drop(act: ActInHand): void {
    this.#release(act);
    if (act.ticket !== undefined) this.#byTicket.delete(act.ticket);
  }

  #recall(outcome: Outcome, ageMs: number): void {
    const { actId, vmId } = outcome;
    const recalled: Outcome = {
      ...outcome,
      progress: recalledProgress(outcome),
      phase: outcome.phase === "acknowledged" || outcome.phase === "prepared" ? outcome.phase : "done",
    };
    this.#outcomes.set(keyOf(actId, vmId), recalled);
    if (recalled.phase !== "done") this.#forgetLater(actId, vmId, Math.max(0, REMEMBER_EXECUTED_MS - ageMs));
  }

  #wasExecuted(actId: string, vmId: VmId): boolean {
    const outcome = this.#outcomes.get(keyOf(actId, vmId));
    return outcome !== undefined && outcome.phase !== "prepared";
  }

  #outcomeOf(act: ActInHand, phase: Outcome["phase"], progress: ActProgress): Outcome {
    return { actId: act.request.actId, vmId: act.request.vmId, phase, progress, evidence: act.evidence };
  }

  async #save(outcome: Outcome): Promise<void> {
    await this.#store.save(outcome);
    this.#outcomes.set(keyOf(outcome.actId, outcome.vmId), outcome);
  }

  /** In memory at once, on disk soon. A failure costs the record its detail, never the rule that an act goes once. */
  #keep(outcome: Outcome): void {
    this.#outcomes.set(keyOf(outcome.actId, outcome.vmId), outcome);
    this.#store
      .save(outcome)
      .catch((error: unknown) => this.#options.logger.warn({ err: error, actId: outcome.actId }, "an act's record could not be written"));
  }

  #reportOf(outcome: Outcome): ProgressReport {
    const { actId, vmId, progress } = outcome;
    const inHand = this.#byVm.get(vmId);
    const sentAgeMs = inHand?.request.actId === actId ? inHand.running?.sentAgeMs : undefined;
    // It may stem from an earlier version's file.
    return { actId, vmId, progress: clipProgress(progress), sentAgeMs };
  }

  #forgetLater(actId: string, vmId: VmId, afterMs: number): void {
    const key = keyOf(actId, vmId);
    const outcome = this.#outcomes.get(key);
    this.#later(afterMs, () => {
      // Another record has taken its place: the same act was prepared again.
      if (this.#outcomes.get(key) !== outcome) return;
      this.#outcomes.delete(key);
      this.#removeFile(actId, vmId);
    });
  }

  #removeFile(actId: string, vmId: VmId): void {
    const warn = (error: unknown) => this.#options.logger.warn({ err: error, actId }, "an act's record could not be removed");
    void this.#store.remove(actId, vmId).catch(warn);
  }

  #later(delayMs: number, callback: () => void): () => void {
    const stop = this.#options.clock.setTimer(() => {
      this.#timers.delete(stop);
      callback();
    }, delayMs);
    this.#timers.add(stop);
    return () => {
      stop();
      this.#timers.delete(stop);
    };
  }
}

const NOT_ANSWERING: PrepareAnswer = { ok: false, code: "not-answering", text: "the VM did not answer within two seconds" };
const LATE: GoAnswer = { ok: false, code: "late-ticket", text: "the ticket was good for three seconds; nothing was sent" };
/** From the go until the command is written. */
const ON_ITS_WAY: ActProgress = { state: "intended", verdict: "pending", aftermath: [], isFinal: false };
/** What is true of a prepared act as long as no go came, and stays true when none does. */
const NOT_GONE: ActProgress = {
  state: "not-sent",
  verdict: "none",
  detail: "it was prepared, and the order to carry it out never came",
  aftermath: [],
  isFinal: true,
};

function staleHostText({ process }: VmReport): string {
  const text = `sockets and threads could not be read anew within ${HOST_TIMEOUT_MS} ms`;
  return process === undefined ? text : `${text}; what is stored of them is ${Math.round(process.ageMs / 100) / 10} s old`;
}

/** What keeps the VM from another act, as it is. */
function occupiedText(phase: ActInHand["phase"]): string {
  if (phase === "going") return "another act on this VM is under way";
  const state = phase === "preparing" ? "is being prepared" : "was prepared and has not been told to go";
  return `another act on this VM ${state}; if it is not, the VM is free again within ${TICKET_LIFETIME_MS / 1_000} seconds`;
}

/** Its words may name what QEMU named, at any length. */
function clipRefusal(answer: PrepareAnswer): PrepareAnswer {
  if (answer.ok) return answer;
  if (answer.code === "void") return { ...answer, void: { ...answer.void, text: clipForLink(answer.void.text) } };
  return { ...answer, text: clipForLink(answer.text) };
}

function keyOf(actId: string, vmId: VmId): string {
  return JSON.stringify([actId, vmId]);
}
