import { assertNever } from "../assert-never.ts";
import type { VmReport } from "../vm/report.ts";
import { VERIFY_FOR_MS } from "./act.ts";
import type { ActProgress } from "./act.ts";
import { isHung, isTroubleBefore, kindBefore } from "./act-baseline.ts";
import type { ActBaseline } from "./act-baseline.ts";
import { foretoldAftermath, isProcessEndForetold, unforetoldStop } from "./aftermath.ts";
import { cutEvidence } from "./cut-evidence.ts";
import { whyNoEffect } from "./no-effect.ts";
import { hasTroubleEnded, isPausedByErrors, recoveredParts } from "./recovery.ts";

/** "Two more probes a second apart": probes are jittered, so a little less than a second. */
const CONFIRM_APART_MS = 950;
/** A release seen at the very end may still be confirmed for this long: one probe. */
export const CONFIRM_GRACE_MS = 1_000;
/** A lost connection may turn out to be a restart, a quit or a crash within this time. */
export const LOST_GRACE_MS = 3_000;
/** A connection that ends within this time of the write, without a reply, ended by the write. */
const OWN_LINE_WITHIN_MS = 1_000;

/**
 * What was seen. `elapsedMs` counts from the moment the command was written. `events` are the names of the events that
 * came since then; `hasShutDown` whether SHUTDOWN was ever seen of this process, before the act or after.
 */
export type ActReading =
  | { readonly type: "written" }
  | { readonly type: "replied"; readonly replyAfterMs: number }
  | {
      readonly type: "failed";
      readonly outcome: "refused" | "not-sent" | "unknown";
      readonly detail: string;
      readonly qmpError?: { readonly class: string; readonly desc: string };
      readonly replyAfterMs?: number;
    }
  | {
      readonly type: "in-band-answered" | "changed" | "connection-lost";
      readonly elapsedMs: number;
      readonly report: VmReport;
      readonly events: readonly string[];
      readonly hasShutDown: boolean;
    }
  | { readonly type: "time-passed"; readonly elapsedMs: number; readonly report?: VmReport };

type VmReading = Extract<ActReading, { type: "in-band-answered" | "changed" | "connection-lost" }>;

/** The judgement so far. `progress` is what is published; the rest is what it needs to go on. */
export interface ActJudgement {
  readonly baseline: ActBaseline;
  readonly progress: ActProgress;
  /** The first in-band answer after the write with which the plan's verdict may have ended. */
  readonly releasedAtMs?: number;
  /** Since the release some reading showed the plan's verdict ended; only then can it come back. */
  readonly hasCalmed: boolean;
  /** In-band answers after the release that were far enough apart; two make it a recovery. */
  readonly confirmations: number;
  readonly confirmedAtMs?: number;
  /** Something shows that the instance was cut. */
  readonly cutText?: string;
  readonly lostAtMs?: number;
  /** It was lost by the very command that was sent on it: one of the chardevs carried it. */
  readonly isOwnLine?: boolean;
}

export function startJudging(baseline: ActBaseline): ActJudgement {
  return {
    baseline,
    hasCalmed: false,
    confirmations: 0,
    progress: { state: "intended", verdict: "pending", aftermath: [], isFinal: false },
  };
}

/**
 * What an act did, as far as readings show. Pure. That QEMU accepted a command says nothing of its effect: `recovered`
 * takes an in-band answer after the write and two more a second apart with the plan's verdict ended, or the end of a
 * process that had been asked to quit. It is watched to the end of the window, so that a VM that hangs again reads
 * `rehung`; every judgement is final at VERIFY_FOR_MS, or one probe later where a release waits for its confirmation.
 */
export function judgeAct(judgement: ActJudgement, reading: ActReading): ActJudgement {
  const { progress } = judgement;
  if (progress.isFinal) return judgement;
  switch (reading.type) {
    case "written":
      return progress.state === "intended" ? publish(judgement, { state: "sent" }) : judgement;
    case "replied":
      return publish(judgement, { state: "accepted", replyAfterMs: reading.replyAfterMs });
    case "failed":
      return judgeFailure(judgement, reading);
    case "in-band-answered":
    case "changed":
    case "connection-lost":
      // Before the write nothing that is seen is this act's doing.
      return progress.state === "intended" ? judgement : atDeadline(judgeReading(judgement, reading), reading.elapsedMs, reading.report);
    case "time-passed":
      return progress.state === "intended" ? judgement : atDeadline(judgement, reading.elapsedMs, reading.report);
    default:
      return assertNever(reading);
  }
}

function judgeFailure(judgement: ActJudgement, failure: Extract<ActReading, { type: "failed" }>): ActJudgement {
  const { detail, qmpError, replyAfterMs } = failure;
  if (failure.outcome === "unknown") return publish(judgement, { state: "unknown", detail });
  return publish(judgement, { state: failure.outcome, verdict: "none", detail, qmpError, replyAfterMs, isFinal: true });
}

function judgeReading(before: ActJudgement, reading: VmReading): ActJudgement {
  if (reading.type === "connection-lost") return judgeLoss(noteLoss(before, reading.elapsedMs), reading);
  const { verdict } = reading.report.health;
  if (reading.report.ended?.reason === "shutdown") return judgeLoss(before, reading);
  if (verdict.kind === "unreachable") return judgeLoss(noteLoss(before, reading.elapsedMs), reading);
  let judgement = reading.type === "in-band-answered" ? { ...before, lostAtMs: undefined } : before;
  if (reading.report.incarnation.id !== judgement.baseline.report.incarnation.id) {
    // Where the process cannot be read every connection is another one; that it was made again says nothing of QEMU.
    if (before.isOwnLine === true && reading.report.incarnation.by === "connection")
      return end(judgement, "connection-lost", OWN_LINE_TEXT);
    return end(judgement, "worse", "another QEMU process answers at this address now");
  }
  if (before.isOwnLine === true && reading.type === "in-band-answered") {
    return end(judgement, "connection-lost", `${OWN_LINE_TEXT}; the same QEMU answers on a new one`);
  }
  judgement = noteAftermath(judgement, reading);
  judgement = { ...judgement, cutText: judgement.cutText ?? cutEvidence(judgement.baseline, reading.report, reading.events) };
  const unforetold = unforetoldText(judgement, reading);
  if (unforetold !== undefined) return end(judgement, "worse", unforetold);
  if (wasReleased(judgement) && isSameTrouble(judgement.baseline, reading.report)) {
    return end(judgement, "rehung", `it came back after ${Math.round(judgement.releasedAtMs)} ms, and reads ${verdict.kind} again`);
  }
  if (reading.type === "in-band-answered") judgement = judgeAnswer(judgement, reading);
  const isCalm = judgement.releasedAtMs !== undefined && hasTroubleEnded(judgement.baseline, reading.report);
  return isCalm ? { ...judgement, hasCalmed: true } : judgement;
}

/** One in-band answer: a release, a confirmation of one, or neither. */
function judgeAnswer(judgement: ActJudgement, reading: VmReading): ActJudgement {
  const { baseline, progress } = judgement;
  const hasEnded = hasTroubleEnded(baseline, reading.report);
  const isWrong = isTroubleBefore(baseline);
  const at = reading.elapsedMs;
  // An answer is the release of a hang by itself; of any other trouble only once the verdict has gone.
  if (judgement.releasedAtMs === undefined) {
    const isRelease = isWrong ? isHung(kindBefore(baseline)) || hasEnded : judgement.cutText !== undefined;
    return isRelease ? { ...judgement, releasedAtMs: at, confirmedAtMs: at } : judgement;
  }
  if (progress.verdict === "recovered" || progress.verdict === "took-effect") return judgement;
  // The first of the two may follow the release closely: it was the probe that waited. The second comes a second later.
  const isFarEnough = judgement.confirmations === 0 || at - (judgement.confirmedAtMs ?? at) >= CONFIRM_APART_MS;
  if (!hasEnded || !isFarEnough) return judgement;
  const confirmed = { ...judgement, confirmations: judgement.confirmations + 1, confirmedAtMs: at };
  if (confirmed.confirmations < 2) return confirmed;
  if (!isWrong) return publish(confirmed, { verdict: "took-effect", detail: confirmed.cutText });
  if (isPausedByErrors(baseline, reading.report)) return publish(confirmed, { verdict: "took-effect", detail: PAUSED_BY_ERRORS_TEXT });
  if (kindBefore(baseline) === "migration-stalled" && isPaused(reading.report)) {
    return publish(confirmed, { verdict: "took-effect", detail: PAUSED_TEXT });
  }
  const parts = recoveredParts(baseline, reading.report);
  return publish(confirmed, {
    verdict: "recovered",
    recoveredAfterMs: confirmed.releasedAtMs,
    recoveredParts: parts,
    ...(confirmed.cutText === undefined ? {} : { detail: confirmed.cutText }),
  });
}

const PAUSED_BY_ERRORS_TEXT = "the requests that stood still ended in I/O errors, and the guest is paused by them";
/** The cut is what was wanted, and nothing goes on before both sides are recovered. */
const PAUSED_TEXT = "the postcopy migration is paused now, and waits to be recovered on both sides";
const OWN_LINE_TEXT = "the connection ended with the yank that was sent on it: one of these chardevs carried it";

function isPaused({ migration }: VmReport): boolean {
  return migration?.status === "postcopy-paused";
}

function noteLoss(judgement: ActJudgement, elapsedMs: number): ActJudgement {
  const { baseline, progress } = judgement;
  const isFirst = judgement.lostAtMs === undefined;
  const namesChardev = baseline.action === "yank" && baseline.instances.some((instance) => instance.type === "chardev");
  const isOwnLine = isFirst && namesChardev && progress.state !== "accepted" && elapsedMs <= OWN_LINE_WITHIN_MS;
  return { ...judgement, lostAtMs: judgement.lostAtMs ?? elapsedMs, ...(isOwnLine ? { isOwnLine } : {}) };
}

/** The connection is down, or nobody answers at the address. */
function judgeLoss(judgement: ActJudgement, reading: VmReading): ActJudgement {
  const { verdict } = reading.report.health;
  const isGone = verdict.kind === "unreachable" && verdict.reason === "process-gone";
  if (reading.hasShutDown || reading.report.ended?.reason === "shutdown") {
    if (!isTroubleBefore(judgement.baseline)) return end(judgement, "connection-lost", "the VM was shut down meanwhile");
    const recoveredAfterMs = judgement.releasedAtMs ?? reading.elapsedMs;
    const released = publish(judgement, { recoveredAfterMs, recoveredParts: ["process-ended"] });
    return end(released, "recovered", "the process ended, as it had been asked to before");
  }
  if (isProcessEndForetold(judgement.baseline) && isGone) {
    return end(addAftermath(judgement, "the QEMU process ended, as foretold"), "took-effect", "the incoming migration was cut");
  }
  if (isGone) return end(judgement, "worse", "the QEMU process is gone, and nothing had asked it to end");
  return judgement;
}

/** Ends what has lasted long enough. */
function atDeadline(judgement: ActJudgement, elapsedMs: number, report: VmReport | undefined): ActJudgement {
  const { progress, lostAtMs } = judgement;
  if (progress.isFinal) return judgement;
  if (lostAtMs !== undefined && (elapsedMs - lostAtMs >= LOST_GRACE_MS || elapsedMs >= VERIFY_FOR_MS)) {
    const text = "the connection to the VM ended, and what became of it cannot be seen";
    return end(judgement, "connection-lost", judgement.isOwnLine === true ? OWN_LINE_TEXT : text);
  }
  if (elapsedMs < VERIFY_FOR_MS) return judgement;
  const inBand = report?.lanes.inBand;
  const overdueMs = inBand?.state === "open" ? inBand.openAgeMs : undefined;
  if (progress.verdict === "recovered" || progress.verdict === "took-effect") {
    if (overdueMs === undefined) return publish(judgement, { isFinal: true });
    // A second without an answer after a release: whatever it becomes, it may not stand as a recovery.
    const detail = `in-band has not answered for ${Math.round(overdueMs)} ms after it had come back`;
    return end(judgement, progress.verdict === "recovered" ? "rehung" : "worse", detail);
  }
  const isWrong = isTroubleBefore(judgement.baseline);
  if (judgement.releasedAtMs !== undefined && isWrong) {
    const released = `in-band answered after ${Math.round(judgement.releasedAtMs)} ms`;
    if (overdueMs !== undefined) return end(judgement, "rehung", `${released}, and has not answered for ${Math.round(overdueMs)} ms since`);
    if (elapsedMs < VERIFY_FOR_MS + CONFIRM_GRACE_MS) return judgement;
    return end(judgement, "unknown", `${released}, and that it stays so could not be confirmed in time`);
  }
  if (judgement.cutText !== undefined && !isHung(kindBefore(judgement.baseline))) {
    return end(
      judgement,
      "took-effect",
      isWrong ? `${judgement.cutText}; the VM still reads ${kindBefore(judgement.baseline)}` : judgement.cutText,
    );
  }
  if (progress.state !== "accepted") return end(judgement, "unknown", progress.detail ?? "no reply came, and nothing shows an effect");
  const why =
    judgement.baseline.action === "yank" ? whyNoEffect(judgement.baseline.instances, judgement.baseline.report, report) : undefined;
  return end(judgement, "no-visible-effect", `${noEffectText(judgement.baseline, overdueMs)}${why === undefined ? "" : `: ${why}`}`);
}

function noEffectText(baseline: ActBaseline, overdueMs: number | undefined): string {
  if (overdueMs !== undefined && !isTroubleBefore(baseline)) {
    return `QEMU accepted it; in-band had been silent before, and has been for ${Math.round(overdueMs)} ms now`;
  }
  if (isTroubleBefore(baseline)) return `QEMU accepted it, and the VM still reads ${kindBefore(baseline)}`;
  return "QEMU accepted it, and no reading shows that anything was cut";
}

function wasReleased(judgement: ActJudgement): judgement is ActJudgement & { readonly releasedAtMs: number } {
  return judgement.releasedAtMs !== undefined && judgement.hasCalmed && isTroubleBefore(judgement.baseline);
}

/** The trouble of the plan is there again; what is left of it elsewhere is not it. */
function isSameTrouble(baseline: ActBaseline, report: VmReport): boolean {
  const before = kindBefore(baseline);
  const now = report.health.verdict.kind;
  if (isHung(before) && isHung(now)) return true;
  return now === before && !hasTroubleEnded(baseline, report);
}

/** Something that the plan did not foretell; undefined while there is nothing of the kind. */
function unforetoldText(judgement: ActJudgement, reading: VmReading): string | undefined {
  const { baseline } = judgement;
  const { verdict } = reading.report.health;
  const stopped = unforetoldStop(baseline, reading.report);
  if (stopped !== undefined) return `the guest stopped: ${stopped}`;
  if (isHung(verdict.kind) && !isHung(kindBefore(baseline)) && !wasSilentBefore(baseline, reading))
    return `the VM reads ${verdict.kind} now`;
  if (verdict.kind === "silent" && kindBefore(baseline) === "main-loop-hung" && !wasReleased(judgement)) {
    return "out-of-band commands are not answered any more either";
  }
  return undefined;
}

/** A hang that was under way when the command was written is not its doing, though the verdict came only afterwards. */
function wasSilentBefore(baseline: ActBaseline, reading: VmReading): boolean {
  const { inBand } = reading.report.lanes;
  return baseline.report.lanes.inBand.state === "open" && inBand.state === "open" && inBand.openAgeMs >= reading.elapsedMs;
}

function noteAftermath(judgement: ActJudgement, { report, events }: VmReading): ActJudgement {
  return foretoldAftermath(judgement.baseline, report, events).reduce(addAftermath, judgement);
}

function publish(judgement: ActJudgement, change: Partial<ActProgress>): ActJudgement {
  return { ...judgement, progress: { ...judgement.progress, ...change } };
}

function end(judgement: ActJudgement, verdict: ActProgress["verdict"], detail: string): ActJudgement {
  return publish(judgement, { verdict, detail, isFinal: true });
}

function addAftermath(judgement: ActJudgement, text: string): ActJudgement {
  const { aftermath } = judgement.progress;
  return aftermath.includes(text) ? judgement : publish(judgement, { aftermath: [...aftermath, text] });
}
