import type { InstanceView, VmDetail } from "#lib/api/vm";
import { isTrouble } from "#lib/health/verdict";
import type { SuspicionScore } from "#lib/diagnosis/suspicion";
import { SUSPICION_SCORES } from "#lib/diagnosis/suspicion";
import { instanceKey } from "#lib/vm/instance";

export const SCORE_WORD: Record<SuspicionScore, string> = {
  "almost-certainly": "almost certainly",
  likely: "likely",
  possible: "possible",
  "cannot-tell": "cannot tell",
  "not-involved": "not involved",
};

/** How many of the three bars of its mark are filled; the word always stands beside it. */
export const SCORE_BARS: Record<SuspicionScore, number> = {
  "almost-certainly": 3,
  likely: 2,
  possible: 1,
  "cannot-tell": 0,
  "not-involved": 0,
};

/** Whether so much speaks for it that its cord is no longer a quiet one. */
export function isSuspected({ suspicion }: Pick<InstanceView, "suspicion">): boolean {
  return suspicion.score === "almost-certainly" || suspicion.score === "likely";
}

/** The instance that the page is about; undefined while the VM is well, or where none stands out. */
export function suspectOf(vm: Pick<VmDetail, "health" | "suspect" | "instances">): InstanceView | undefined {
  if (!isTrouble(vm.health.kind) || vm.suspect === undefined) return undefined;
  const { key } = vm.suspect;
  return vm.instances.find((report) => instanceKey(report.instance) === key);
}

/** Those that share the best score that any has, as far as it says something for them; none where nothing points anywhere. */
export function likeliest(instances: readonly InstanceView[]): InstanceView[] {
  for (const score of SUSPICION_SCORES) {
    if (score === "cannot-tell") return [];
    const found = instances.filter((report) => report.suspicion.score === score);
    if (found.length > 0) return found;
  }
  return [];
}
