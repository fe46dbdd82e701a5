import type { GoAnswer, PrepareAnswer, ProgressReport } from "#lib/link/contract";
import type { ActProgress, ActRecord, ActTarget } from "#lib/yank/act";
import type { Plan, PlanTarget } from "#lib/yank/plan";

/** Pure steps of an act: what its record says next. */

/** A target before its turn: in the record, not sent. */
function newTarget(target: PlanTarget, bridgeId: string): ActTarget {
  return {
    vmId: target.vmId,
    vmName: target.vmName,
    host: target.host,
    bridgeId,
    healthBefore: target.bindings.healthClass,
    instances: target.instances.map((planned) => planned.instance),
    command: target.command,
    lane: target.lane,
    state: "intended",
    verdict: "pending",
    aftermath: [],
    isFinal: false,
  };
}

export interface NewAct {
  actId: string;
  plan: Plan;
  who: string;
  reason?: string;
  nowMs: number;
  bridgeIdOf(vmId: string): string;
}

export function newAct({ actId, plan, who, reason, nowMs, bridgeIdOf }: NewAct): ActRecord {
  return {
    actId,
    planId: plan.planId,
    action: plan.action,
    who,
    ...(reason === undefined ? {} : { reason }),
    ...(plan.incidentId === undefined ? {} : { incidentId: plan.incidentId }),
    createdAtMs: nowMs,
    targets: plan.targets.map((target) => newTarget(target, bridgeIdOf(target.vmId))),
  };
}

export function withTarget(act: ActRecord, target: ActTarget): ActRecord {
  return { ...act, targets: act.targets.map((other) => (other.vmId === target.vmId ? target : other)) };
}

export function targetOf(act: ActRecord, vmId: string): ActTarget | undefined {
  return act.targets.find((target) => target.vmId === vmId);
}

/** A target that is done with, and was certainly not sent. */
function notSent(target: ActTarget, detail: string): ActTarget {
  return { ...target, state: "not-sent", verdict: "none", detail, isFinal: true };
}

/** A target of several whose turn came too late. */
export function skipped(target: ActTarget, detail: string): ActTarget {
  return { ...target, state: "skipped", verdict: "none", detail, isFinal: true };
}

/** Nobody can tell what became of it, and nobody will be able to: it is never sent again. */
export function unknownForGood(target: ActTarget, detail: string): ActTarget {
  return { ...target, state: target.state === "accepted" ? "accepted" : "unknown", verdict: "unknown", detail, isFinal: true };
}

/** The bridge is lost in the middle: its answer may still come when it is back. */
export function unknownForNow(target: ActTarget, detail: string): ActTarget {
  return {
    ...target,
    state: target.state === "accepted" || target.state === "refused" ? target.state : "unknown",
    verdict: "unknown",
    detail,
    isFinal: false,
  };
}

/** What the bridge reports, on the hub's clock. Undefined where it says nothing new. */
export function progressed(target: ActTarget, report: ProgressReport, receivedAtMs: number): ActTarget | undefined {
  // What is final stays: a report that was under way when the act was given up on cannot change the record's last word,
  // except to tell what nobody knew.
  if (target.isFinal && !(target.verdict === "unknown" && report.progress.isFinal)) return undefined;
  const { state, verdict, detail, qmpError, replyAfterMs, recoveredAfterMs, recoveredParts, aftermath, isFinal } = report.progress;
  const next: ActTarget = {
    ...target,
    state,
    verdict,
    detail,
    qmpError,
    replyAfterMs,
    recoveredAfterMs,
    recoveredParts,
    aftermath,
    isFinal,
    sentAtMs: target.sentAtMs ?? (report.sentAgeMs === undefined ? undefined : Math.round(receivedAtMs - report.sentAgeMs)),
  };
  return isSameProgress(target, next) ? undefined : next;
}

function isSameProgress(left: ActTarget, right: ActTarget): boolean {
  const essence = (progress: ActProgress & { sentAtMs?: number }) => {
    const { state, verdict, detail, qmpError, replyAfterMs, recoveredAfterMs, recoveredParts, aftermath, isFinal, sentAtMs } = progress;
    return JSON.stringify([state, verdict, detail, qmpError, replyAfterMs, recoveredAfterMs, recoveredParts, aftermath, isFinal, sentAtMs]);
  };
  return essence(left) === essence(right);
}

/** Why a bridge did not get as far as a ticket, in words. */
export function prepareRefusalText(answer: Extract<PrepareAnswer, { ok: false }>): string {
  return answer.code === "void" ? answer.void.text : answer.text;
}

/** What a refused `act:go` means for the target: only "already executed" leaves the outcome to be asked for. */
export function refusedGo(target: ActTarget, answer: Extract<GoAnswer, { ok: false }>): ActTarget | undefined {
  switch (answer.code) {
    case "late-ticket":
    case "unknown-ticket":
    case "not-recorded":
      return notSent(target, answer.text);
    case "already-executed":
      return undefined;
  }
}
