import type { InstanceReport } from "../vm/instance.ts";
import { instanceKey } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import type { Suspicion } from "./suspicion.ts";

/** What is known of an instance beyond its own VM: others in trouble on the same far side now. */
export interface FarSidePeers {
  /** How many other VMs in trouble lead to this far side. */
  troubledCount(farSideKey: string): number;
}

/**
 * How much speaks for each instance being what holds this VM, by `instanceKey`. Pure; claims nothing that was not
 * measured, and says so where nothing points anywhere.
 */
export function rankSuspects(report: VmReport, peers: FarSidePeers): Map<string, Suspicion> {
  void peers;
  return new Map(report.instances.map((instance): [string, Suspicion] => [instanceKey(instance.instance), suspect(instance)]));
}

function suspect(report: InstanceReport): Suspicion {
  const reasons = (report.clues ?? []).map((clue) => clue.text);
  return { score: "cannot-tell", reasons: reasons.length > 0 ? reasons : ["nothing was measured that speaks for or against it"] };
}
