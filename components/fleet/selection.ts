import type { MemberCord } from "#lib/api/incident";
import type { VmDetail, VmSummary } from "#lib/api/vm";
import { isTrouble } from "#lib/health/verdict";
import { isKnownYankInstance } from "#lib/qapi/yank-instance";
import { instanceKey } from "#lib/vm/instance";

/** Whether a row can be chosen for a plan of several: in trouble, one connection stands out, and something may be yanked. */
export function canSelect({ health, suspect, yankableCount, endedAtMs }: VmSummary): boolean {
  return isTrouble(health.kind) && suspect !== undefined && yankableCount > 0 && endedAtMs === undefined;
}

/**
 * What a plan would name of one VM: the connection that its row calls the suspect and nothing else, so that no more is cut
 * than was seen when it was chosen. Whether that may be yanked is the hub's word, which the row does not carry. Pure.
 */
export function cordOfSuspect(row: Pick<VmSummary, "suspect">, detail: VmDetail): MemberCord {
  const { vmId, name } = detail;
  const no = (whyNot: string): MemberCord => ({ vmId, instances: [], whyNot });
  if (!isTrouble(detail.health.kind)) return no(`${name} is not in trouble any more`);
  if (detail.actInProgress) return no(`${detail.actInProgress.who} is acting on ${name}`);
  const { suspect } = detail;
  if (!suspect) return no(`nothing points at one connection of ${name} any more`);
  if (suspect.key !== row.suspect?.key) return no(`on ${name} another connection is suspected now: ${suspect.name}`);
  const found = detail.instances.find(({ instance }) => instanceKey(instance) === suspect.key);
  if (!found || !isKnownYankInstance(found.instance)) return no(`${suspect.name} of ${name} is not there any more`);
  if (found.yankable !== true) return no(`${suspect.name} of ${name} may not be yanked: ${found.yankable.text}`);
  return {
    vmId,
    instances: [{ instance: found.instance, key: suspect.key, name: suspect.name, score: suspect.score, reason: suspect.reason }],
  };
}
