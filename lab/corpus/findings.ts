import { randomUUID } from "node:crypto";
import { completedUnseen } from "#lib/diagnosis/completed-unseen";
import { firstSuspect } from "#lib/diagnosis/first-suspect";
import type { Help, HelpCode } from "#lib/diagnosis/help";
import { rankSuspects, type FarSidePeers } from "#lib/diagnosis/rank-suspects";
import { whatHelps } from "#lib/diagnosis/what-helps";
import { isTrouble } from "#lib/health/verdict";
import { isKnownYankInstance } from "#lib/qapi/yank-instance";
import { instanceKey } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";
import { makePlan } from "#lib/yank/make-plan";
import type { Reversibility } from "#lib/yank/plan";

/** What an operator would be told of one VM at one moment, by the same rules as the hub's. */
export interface Findings {
  /** `instanceKey` of the one that stands out. */
  suspect?: string;
  /** Every instance with its score and reasons, for a person who asks why. */
  scores: string[];
  helps: HelpCode[];
  helpTexts: string[];
}

export function findingsOf(report: VmReport, all: Iterable<VmReport>): Findings {
  const others = [...all];
  const suspicions = rankSuspects(report, peersOf(report, others));
  const unseen = completedUnseen(report, others);
  const helps: Help[] = [
    ...whatHelps(report, suspicions),
    ...(unseen === undefined ? [] : [{ code: "check-destination" as const, text: unseen }]),
  ];
  return {
    suspect: firstSuspect(report, suspicions)?.key,
    scores: [...suspicions].map(([key, { score, reasons }]) => `${key} ${score}: ${reasons.join("; ")}`),
    helps: helps.map(({ code }) => code),
    helpTexts: helps.map(({ code, text }) => `${code}: ${text}`),
  };
}

/** The effect that the dialog would state for a yank of this instance; "refused" where none is planned. */
export function plannedEffect(report: VmReport, key: string): { does: Reversibility | "refused" | "not-listed"; text: string } {
  const found = report.instances.find(({ instance }) => instanceKey(instance) === key);
  if (found === undefined || !isKnownYankInstance(found.instance)) return { does: "not-listed", text: `${key} is not listed` };
  const request = { action: "yank" as const, targets: [{ vmId: report.vmId, instances: [found.instance] }] };
  const vm = { report, bridgeId: "corpus", host: "corpus", isLost: false };
  const result = makePlan(request, { find: () => vm, planId: randomUUID(), nowMs: Date.now() });
  if (result.ok)
    return { does: result.plan.targets[0]?.reversibility ?? "unknown", text: result.plan.targets[0]?.effects[0]?.sentence ?? "" };
  return { does: "refused", text: result.code === "cannot-plan" ? result.reasons.map(({ text }) => text).join("; ") : result.detail };
}

function peersOf(report: VmReport, all: Iterable<VmReport>): FarSidePeers {
  const counts = new Map<string, number>();
  for (const other of all) {
    if (other.vmId === report.vmId || !isTrouble(other.health.verdict.kind)) continue;
    const keys = new Set(
      other.instances.flatMap(({ farSide }) => (farSide === undefined ? [] : [farSide.key, farSide.server?.key ?? farSide.key])),
    );
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return { troubledCount: (key) => counts.get(key) ?? 0 };
}
