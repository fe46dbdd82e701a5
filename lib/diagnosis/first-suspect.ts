import { isTrouble } from "../health/verdict.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import { servesWords } from "../vm/serves-words.ts";
import type { Suspect, SuspicionScore, Suspicion } from "./suspicion.ts";

/**
 * The one instance that stands out; undefined where the VM is well, or where two are as likely or none is more than
 * possible. Two connections to the same far side are one cause: the first of them stands for both.
 */
export function firstSuspect(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): Suspect | undefined {
  if (!isTrouble(report.health.verdict.kind)) return undefined;
  for (const score of ["almost-certainly", "likely"] as const) {
    const found = report.instances.filter((instance) => suspicions.get(instanceKey(instance.instance))?.score === score);
    const [first] = found;
    if (first === undefined) continue;
    return found.every((other) => other === first || isSameFarSide(first, other)) ? suspectOf(first, score, suspicions) : undefined;
  }
  return undefined;
}

function isSameFarSide(first: InstanceReport, other: InstanceReport): boolean {
  const [one, two] = [first, other].map(({ farSide }) => farSide?.server?.key ?? farSide?.key);
  return one !== undefined && one === two;
}

function suspectOf(instance: InstanceReport, score: SuspicionScore, suspicions: ReadonlyMap<string, Suspicion>): Suspect {
  const key = instanceKey(instance.instance);
  const { farSide } = instance;
  return {
    key,
    name: instanceName(instance.instance),
    score,
    reason: suspicions.get(key)?.reasons[0] ?? "",
    serves: servesWords(instance.serves),
    ...(farSide === undefined ? {} : { farSide: { key: farSide.key, text: farSide.text } }),
  };
}
