import { useQuery } from "@tanstack/react-query";
import type { IncidentDetail } from "#lib/api/incident";
import type { Plan } from "#lib/yank/plan";
import { incidentQuery } from "../queries/incidents.ts";
import { formatCount } from "../ui/format.ts";

/** Which VMs of the incident a plan leaves alone, and why: nobody chose them, or nothing can be cut on them. */
export function LeftOut({ plan, incidentId }: { plan: Plan; incidentId: string }) {
  const { data: incident } = useQuery({ ...incidentQuery(incidentId), enabled: false });
  const left = incident ? leftOut(plan, incident) : [];
  if (left.length === 0) return null;
  return (
    <details>
      <summary className="w-fit rounded text-sm hover:text-strong">
        {formatCount(left.length, "VM")} in trouble {left.length === 1 ? "is" : "are"} left as {left.length === 1 ? "it is" : "they are"}
      </summary>
      <ul aria-label="Left as they are" className="mt-2 grid gap-1 border-l-2 border-line pl-3 text-sm">
        {left.map(({ vmId, name, why }) => (
          <li key={vmId} className="wrap-anywhere">
            <span className="font-semibold text-strong">{name}</span> {why}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Members in trouble that the plan does not name. */
export function leftOut(plan: Pick<Plan, "targets">, { members, cords }: Pick<IncidentDetail, "members" | "cords">) {
  const isPlanned = new Set(plan.targets.map(({ vmId }) => vmId));
  return members
    .filter(({ vmId, isInTrouble, movedToId }) => isInTrouble && movedToId === undefined && !isPlanned.has(vmId))
    .map(({ vmId, name }) => ({ vmId, name, why: cords.find((cord) => cord.vmId === vmId)?.whyNot ?? "not selected" }));
}
