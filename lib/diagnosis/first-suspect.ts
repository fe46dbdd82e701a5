import { isTrouble } from "../health/verdict.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import type { Suspect, Suspicion } from "./suspicion.ts";

/** The one instance that stands out; undefined where the VM is well, or where two are as likely or none is more than possible. */
export function firstSuspect(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): Suspect | undefined {
  if (!isTrouble(report.health.verdict.kind)) return undefined;
  for (const score of ["almost-certainly", "likely"] as const) {
    const found = report.instances.filter((instance) => suspicions.get(instanceKey(instance.instance))?.score === score);
    const [first] = found;
    if (first === undefined) continue;
    if (found.length > 1) return undefined;
    const key = instanceKey(first.instance);
    return {
      key,
      name: instanceName(first.instance),
      score,
      reason: suspicions.get(key)?.reasons[0] ?? "",
      serves: servesText(first),
      ...(first.farSide === undefined ? {} : { farSide: first.farSide }),
    };
  }
  return undefined;
}

function servesText({ serves }: VmReport["instances"][number]): string {
  const words = serves.kind.replaceAll("-", " ");
  return serves.owner === undefined ? words : `${words} ${serves.owner}`;
}
