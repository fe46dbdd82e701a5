import { useMemo } from "react";
import type { IncidentDetail, MemberCord } from "#lib/api/incident";
import type { VmSummary } from "#lib/api/vm";
import type { IncidentMember } from "#lib/incident/incident";
import { severityRank } from "#lib/health/verdict";
import { asOfFor } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { useLink } from "../realtime/use-freshness.ts";
import { Button } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { formatCount } from "../ui/format.ts";
import { MEMBER_COLUMNS, MemberRow } from "./member-row.tsx";
import { cordIds, NOTHING_SELECTED, planTargets, selectAll, withSelected } from "./member-selection.ts";
import type { Selection } from "./member-selection.ts";

export interface MembersCardProps {
  incident: IncidentDetail;
  /** The fleet, for what is of now; undefined while it is not known. */
  vms: VmSummary[] | undefined;
  selection: Selection;
  onSelect: (selection: Selection) => void;
  cannotSend: string | undefined;
  onPlan: () => void;
}

/** Every VM of the incident, its state of now, and what can be cut on it. One plan is made of what is chosen; nothing is chosen to begin with. */
export function MembersCard({ incident, vms, selection, onSelect, cannotSend, onPlan }: MembersCardProps) {
  const link = useLink();
  const now = useNow();
  const byId = useMemo(() => new Map(vms?.map((vm) => [vm.vmId, vm])), [vms]);
  const cordOf = new Map(incident.cords.map((cord) => [cord.vmId, cord]));
  const all = selectAll(incident.cords);
  const plannable = incident.cords.filter((cord) => cord.instances.length > 0).length;
  const chosenVms = planTargets(selection, incident).length;
  return (
    <Card title="VMs" aside={unselectableWords(incident.cords)} isFlush>
      <div role="group" aria-label="Act on several" className="flex min-h-13 flex-wrap items-center gap-2 border-b border-line px-4 py-2">
        {all.size > 0 && selection.size < all.size && (
          <Button size="small" onClick={() => onSelect(all)}>
            Select all that can be yanked ({plannable})
          </Button>
        )}
        {selection.size > 0 && (
          <Button size="small" tone="ghost" onClick={() => onSelect(NOTHING_SELECTED)}>
            Select none
          </Button>
        )}
        <p role="status" className="text-body">
          {all.size === 0
            ? "Nothing of it can be yanked from here"
            : selection.size === 0
              ? "Nothing is selected"
              : chosenWords(chosenVms, selection.size)}
        </p>
        {all.size > 0 && (
          <div className="ml-auto flex flex-wrap items-center gap-2">
            {cannotSend !== undefined && <p className="text-sm">{cannotSend}</p>}
            <Button
              tone={selection.size > 0 ? "danger" : "plain"}
              disabled={selection.size === 0 || cannotSend !== undefined}
              onClick={onPlan}
            >
              {chosenVms === 0 ? "Plan a yank…" : `Plan a yank on ${formatCount(chosenVms, "VM")}…`}
            </Button>
          </div>
        )}
      </div>
      <div role="table" aria-label="VMs of this incident" aria-rowcount={incident.members.length + 1}>
        <div role="rowgroup" className="max-lg:sr-only">
          <div role="row" className={`border-b border-line px-4 text-xs text-quiet ${MEMBER_COLUMNS}`}>
            {["Selected", "Verdict", "VM", "In-band / out-of-band", "What holds it", "What can be cut"].map((text) => (
              <div key={text} role="columnheader" className="flex h-9 items-center">
                {text === "Selected" ? <span className="sr-only">{text}</span> : text}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup">
          {membersInOrder(incident.members).map((member) => {
            const vm = byId.get(member.vmId);
            const cord = cordOf.get(member.vmId);
            return (
              <MemberRow
                key={member.vmId}
                member={member}
                vm={vm}
                cord={cord}
                asOf={vm && asOfFor(vm, link, now)}
                nowMs={now}
                selection={selection}
                onSelect={(ids, isSelected) => onSelect(withSelected(selection, ids, isSelected))}
              />
            );
          })}
        </div>
      </div>
    </Card>
  );
}

/** Those in trouble first, the worst and longest first among them; then by name, so that rows keep their places. */
export function membersInOrder(members: readonly IncidentMember[]): IncidentMember[] {
  return members.toSorted(
    (left, right) =>
      Number(right.isInTrouble) - Number(left.isInTrouble) ||
      (left.isInTrouble ? severityRank(left.kind) - severityRank(right.kind) : 0) ||
      NAMES.compare(left.name, right.name),
  );
}

const NAMES = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function chosenWords(vmCount: number, cordCount: number): string {
  return `${formatCount(vmCount, "VM")} selected${cordCount > vmCount ? `, ${formatCount(cordCount, "connection")}` : ""}`;
}

function unselectableWords(cords: readonly MemberCord[]): string | undefined {
  const without = cords.filter((cord) => cordIds(cord).length === 0).length;
  return without === 0
    ? undefined
    : `${formatCount(without, "VM")} cannot be selected: ${without === 1 ? "its row says" : "their rows say"} why`;
}
