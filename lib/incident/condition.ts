import type { VmDetail } from "../api/vm.ts";
import { isTrouble } from "../health/verdict.ts";
import type { HealthKind } from "../health/verdict.ts";
import type { VmId } from "../vm/report.ts";
import { leadsOf } from "./leads.ts";
import type { Lead } from "./leads.ts";

/** `not-known` is neither trouble nor recovery: what was known last stays. */
export type Standing = "troubled" | "well" | "not-known";

/** What incidents need to know of one VM, as it is now. */
export interface VmCondition {
  vmId: VmId;
  name: string;
  bridgeId: string;
  host: string;
  standing: Standing;
  kind: HealthKind;
  /** Unix ms; since when this kind of verdict holds. */
  sinceAtMs: number;
  /** What may be the cause, the best first; empty where it is not in trouble. */
  leads: Lead[];
  suspectKey?: string;
}

export type ConditionSource = Pick<
  VmDetail,
  "vmId" | "name" | "bridgeId" | "host" | "health" | "suspect" | "instances" | "migration" | "process" | "uuid"
>;

export function conditionOf(vm: ConditionSource): VmCondition {
  const { vmId, name, bridgeId, host, health, suspect } = vm;
  const standing = standingOf(health.kind);
  return {
    vmId,
    name,
    bridgeId,
    host,
    standing,
    kind: health.kind,
    sinceAtMs: health.sinceAtMs,
    leads: standing === "troubled" ? leadsOf(vm) : [],
    ...(suspect === undefined ? {} : { suspectKey: suspect.key }),
  };
}

function standingOf(kind: HealthKind): Standing {
  if (isTrouble(kind)) return "troubled";
  // A monitor that somebody else holds tells us nothing, as a lost bridge does.
  return kind === "unknown" || kind === "monitor-busy" ? "not-known" : "well";
}
