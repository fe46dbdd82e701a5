"use client";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { MemberCord } from "#lib/api/incident";
import type { VmSummary } from "#lib/api/vm";
import { planTargets, selectAll } from "../incident/member-selection.ts";
import { vmQuery } from "../queries/vm.ts";
import { useCannotSend } from "../realtime/use-freshness.ts";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { useYankDesk } from "../yank/use-yank-desk.ts";
import { YankDialog } from "../yank/yank-dialog.tsx";
import { cordOfSuspect } from "./selection.ts";

interface SelectionBarProps {
  /** The rows that are chosen; may be empty while the dialog of an act stays. */
  rows: readonly VmSummary[];
  onSelectNone: () => void;
}

/** From the chosen rows to one plan: each VM is asked for again, because a row does not carry what may be yanked. */
export default function SelectionBar({ rows, onSelectNone }: SelectionBarProps) {
  const queryClient = useQueryClient();
  const desk = useYankDesk();
  const cannotSend = useCannotSend();
  const [isReading, setIsReading] = useState(false);
  // Told of these rows and no others: with another choice it is of no use any more.
  const [told, setTold] = useState<{ rows: string; leftOut: string[] }>();
  const rowsKey = rows.map(({ vmId }) => vmId).join(" ");
  const leftOut = told?.rows === rowsKey ? told.leftOut : [];
  async function handlePlan() {
    setIsReading(true);
    const cords = await Promise.all(
      rows.map(async (row): Promise<MemberCord> => {
        try {
          const detail = await queryClient.fetchQuery({ ...vmQuery(row.vmId), staleTime: 0 });
          return cordOfSuspect(row, detail);
        } catch (error) {
          return {
            vmId: row.vmId,
            instances: [],
            whyNot: `${row.name} could not be read: ${error instanceof Error ? error.message : "no reason"}`,
          };
        }
      }),
    );
    setIsReading(false);
    setTold({ rows: rowsKey, leftOut: cords.flatMap(({ whyNot }) => whyNot ?? []) });
    const targets = planTargets(selectAll(cords), { members: cords, cords });
    if (targets.length === 0) return;
    const incidents = new Set(rows.map(({ incidentId }) => incidentId));
    const [incidentId] = incidents;
    desk.ask({ action: "yank", targets, ...(incidents.size === 1 && incidentId !== undefined ? { incidentId } : {}) });
  }
  return (
    <>
      {rows.length > 0 && (
        <section
          aria-label="Selected VMs"
          className="fixed inset-x-4 bottom-4 z-20 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-xl border border-line-strong bg-raised px-4 py-3 shadow-lg max-sm:bottom-18 sm:left-20"
        >
          <p role="status" className="font-semibold text-strong">
            {formatCount(rows.length, "VM")} selected
          </p>
          <p className="min-w-0 flex-1 basis-60">
            {leftOut.length > 0
              ? `Left out: ${leftOut.join("; ")}`
              : "A plan names the suspect of each and sends nothing. You confirm it after you have read it"}
          </p>
          {cannotSend !== undefined && <p className="text-sm">{cannotSend}</p>}
          <Button tone="ghost" onClick={onSelectNone}>
            Select none
          </Button>
          <Button tone="danger" disabled={cannotSend !== undefined || isReading} onClick={() => void handlePlan()}>
            {isReading ? "Reading the VMs…" : `Plan a yank on ${formatCount(rows.length, "VM")}…`}
          </Button>
        </section>
      )}
      <YankDialog desk={desk} cannotSend={cannotSend} />
    </>
  );
}
