import type { MemberCord } from "#lib/api/incident";
import type { KnownYankInstance } from "#lib/qapi/yank-instance";
import type { VmId } from "#lib/vm/report";

/** Which cords are chosen for one plan, each by `cordId`. Nothing is chosen before somebody chooses it: a cut may be for good. */
export type Selection = ReadonlySet<string>;

export const NOTHING_SELECTED: Selection = new Set();

export function cordId(vmId: VmId, key: string): string {
  return `${vmId} ${key}`;
}

/** Every cord of this member that a plan could name; none where something stands against it. */
export function cordIds({ vmId, instances }: MemberCord): string[] {
  return instances.map(({ key }) => cordId(vmId, key));
}

/** Everything that could be yanked, of all members. */
export function selectAll(cords: readonly MemberCord[]): Selection {
  return new Set(cords.flatMap(cordIds));
}

/** Chooses these cords, or leaves them out again. */
export function withSelected(selection: Selection, ids: readonly string[], isSelected: boolean): Selection {
  const next = new Set(selection);
  for (const id of ids) {
    if (isSelected) next.add(id);
    else next.delete(id);
  }
  return next;
}

/** What of a selection can still be planned: a member may have recovered, or its cord may be gone. */
export function stillSelected(selection: Selection, cords: readonly MemberCord[]): Selection {
  const possible = selectAll(cords);
  return new Set([...selection].filter((id) => possible.has(id)));
}

/** The targets of one plan, in the order of the members; a VM of which nothing is chosen is not among them. */
export function planTargets(
  selection: Selection,
  { members, cords }: { members: readonly { vmId: VmId }[]; cords: readonly MemberCord[] },
): { vmId: VmId; instances: KnownYankInstance[] }[] {
  const cordOf = new Map(cords.map((cord) => [cord.vmId, cord]));
  return members.flatMap(({ vmId }) => {
    const instances = (cordOf.get(vmId)?.instances ?? [])
      .filter(({ key }) => selection.has(cordId(vmId, key)))
      .map(({ instance }) => instance);
    return instances.length === 0 ? [] : [{ vmId, instances }];
  });
}
