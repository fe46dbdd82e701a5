import type { HelpCode } from "#lib/diagnosis/help";
import { type HealthKind, isTrouble, severityRank } from "#lib/health/verdict";
import { type InstanceReport, type ServesKind, instanceKey } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";
import { type Findings, plannedEffect } from "./findings.ts";
import type { PassingTruth, QuietTruth, TroubleTruth } from "./truth.ts";
import { type VerdictTrail, verdictDetail, verdictText } from "./verdict-trail.ts";

/** How one case went; right where nothing is wrong. */
export interface CaseResult {
  id: string;
  qemu: string;
  /** Row of the confusion matrix. */
  truth: string;
  /** Column: what was held, or the worst that was shown. */
  shown: HealthKind;
  /** Undefined where the truth names no suspect and none may stand out, or none is asked for. */
  isSuspectRight?: boolean;
  wrong: string[];
  /** For a person who asks why. */
  notes: string[];
  tookMs?: number;
}

export type Judged = Omit<CaseResult, "id" | "qemu" | "tookMs">;

const WELL: readonly HealthKind[] = ["healthy", "slow", "unknown"];

/** Trouble that was reached and held. @param fromMonoMs when the scenario began to be broken. */
export function judgeTrouble(truth: TroubleTruth, trail: VerdictTrail, fromMonoMs: number, findings: Findings): Judged {
  const report = latest(trail);
  const { verdict } = report.health;
  const wrong: string[] = [];
  const allowed = [...WELL, truth.verdict, ...(truth.onTheWay ?? [])];
  for (const shown of trail.since(fromMonoMs)) {
    if (!allowed.includes(shown.verdict.kind)) wrong.push(`on the way it was shown as ${verdictText(shown.verdict)}`);
  }
  if (verdict.kind !== truth.verdict) wrong.push(`held ${verdictText(verdict)}, and it is ${truth.verdict}`);
  else if (truth.detail !== undefined && verdictDetail(verdict) !== truth.detail) {
    wrong.push(`held ${verdictText(verdict)}, and it is ${truth.verdict} (${truth.detail})`);
  }
  const isSuspectRight = findings.suspect === truth.suspect || (truth.maySuspect !== undefined && findings.suspect === truth.maySuspect);
  if (!isSuspectRight) wrong.push(`first suspect ${findings.suspect ?? "none"}, and it is ${truth.suspect ?? "none"}`);
  const serves = servesOf(report, truth.suspect);
  if (truth.serves !== undefined && serves !== truth.serves) wrong.push(`${truth.suspect} serves ${serves}, and it is ${truth.serves}`);
  const suspect = instanceOf(report, truth.suspect);
  if (truth.connection !== undefined && suspect?.connection !== truth.connection) {
    wrong.push(`${truth.suspect} is said to be ${suspect?.connection}, and it is ${truth.connection}`);
  }
  if (truth.connection === "reconnecting" && suspect?.waitLeftMs === undefined) wrong.push("it is not said how long requests still wait");
  if (truth.yank !== undefined) {
    const { does, text } = plannedEffect(report, truth.yank.key);
    if (does !== truth.yank.does) wrong.push(`a yank of ${truth.yank.key} is said to be ${does} (${text}), and it is ${truth.yank.does}`);
  }
  wrong.push(...judgeHelps(truth.helps, findings));
  return { truth: truth.verdict, shown: verdict.kind, isSuspectRight, wrong, notes: notesOf(report, findings) };
}

/** Trouble that ended by itself. */
export function judgePassing(truth: PassingTruth, trail: VerdictTrail, fromMonoMs: number): Judged {
  const shown = trail.since(fromMonoMs);
  const wrong: string[] = [];
  const allowed = [...WELL, truth.verdict];
  for (const { verdict } of shown) {
    if (!allowed.includes(verdict.kind)) wrong.push(`it was shown as ${verdictText(verdict)}`);
  }
  const atTruth = shown.filter(({ verdict }) => verdict.kind === truth.verdict);
  if (atTruth.length === 0) wrong.push(`it was never shown as ${truth.verdict}`);
  else if (atTruth.every(({ mayStillFinish }) => mayStillFinish === undefined)) wrong.push("it was not said that it may still finish");
  const end = latest(trail).health.verdict;
  if (isTrouble(end.kind)) wrong.push(`it did not close: ${verdictText(end)}`);
  const worst = worstOf(shown.map(({ verdict }) => verdict.kind));
  const said = [...new Set(shown.flatMap(({ mayStillFinish }) => mayStillFinish ?? []))];
  return { truth: `${truth.verdict}, passing`, shown: worst, wrong, notes: said.map((text) => `may still finish: ${text}`) };
}

export function judgeQuiet(truth: QuietTruth, trail: VerdictTrail, fromMonoMs: number, findings: Findings): Judged {
  const shown = trail.since(fromMonoMs);
  const worst = worstOf(shown.map(({ verdict }) => verdict.kind).filter((kind) => truth.mayShow?.includes(kind) !== true));
  const wrong: string[] = [];
  const allowed: readonly HealthKind[] = [
    "healthy",
    "unknown",
    ...(truth.worst === "slow" ? ["slow" as const] : []),
    ...(truth.mayShow ?? []),
  ];
  for (const { verdict } of shown) {
    if (!allowed.includes(verdict.kind)) wrong.push(`it was shown as ${verdictText(verdict)}`);
  }
  if (truth.isNotConverging === true && !shown.some(({ isNotConverging }) => isNotConverging)) {
    wrong.push("it was never said that the migration does not converge");
  }
  if (truth.helps !== undefined) wrong.push(...judgeHelps(truth.helps, findings));
  return { truth: "well", shown: worst, wrong, notes: wrong.length > 0 ? notesOf(latest(trail), findings) : [] };
}

/** What is known to stand on an instance; undefined where it is not listed. */
export function servesOf(report: VmReport, key: string | undefined): ServesKind | undefined {
  return instanceOf(report, key)?.serves.kind;
}

function instanceOf(report: VmReport, key: string | undefined): InstanceReport | undefined {
  return report.instances.find(({ instance }) => instanceKey(instance) === key);
}

function judgeHelps(expected: readonly HelpCode[], findings: Findings): string[] {
  const [first] = findings.helps;
  if (first !== undefined && expected.includes(first)) return [];
  return [`first help ${first ?? "none"}, and it is ${expected.join(" or ")}`];
}

function worstOf(kinds: readonly HealthKind[]): HealthKind {
  return kinds.filter((kind) => kind !== "unknown").toSorted((left, right) => severityRank(left) - severityRank(right))[0] ?? "healthy";
}

function latest(trail: VerdictTrail): VmReport {
  if (trail.latest === undefined) throw new Error("Nothing was ever shown of this VM");
  return trail.latest;
}

function notesOf(report: VmReport, findings: Findings): string[] {
  return [
    ...report.health.evidence.map(({ text }) => `evidence: ${text}`),
    ...(report.health.mayStillFinish === undefined ? [] : [`may still finish: ${report.health.mayStillFinish}`]),
    ...(report.process === undefined ? [] : [`process: ${report.process.text}`]),
    ...findings.scores,
    ...findings.helpTexts.map((text) => `help: ${text}`),
  ];
}
