import { useState } from "react";
import type { IncidentDetail } from "#lib/api/incident";
import { useResolveIncident } from "../queries/incidents.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { formatCount } from "../ui/format.ts";

/** Calls an incident over. It changes nothing on any VM, and is in the record. */
export function CloseForm({
  incident,
  cannotSend,
  onDone,
}: {
  incident: IncidentDetail;
  cannotSend: string | undefined;
  onDone: () => void;
}) {
  const [reason, setReason] = useState("");
  const resolve = useResolveIncident(incident.incidentId);
  function handleClose() {
    const text = reason.trim();
    resolve.mutate(text === "" ? {} : { reason: text }, { onSuccess: onDone });
  }
  return (
    <section aria-label="Close incident" className="mt-4 grid max-w-160 gap-3 border-l-2 border-line-strong pl-4">
      <p className="text-strong">
        {incident.state === "open"
          ? `${formatCount(incident.troubledCount, "VM")} of it ${incident.troubledCount === 1 ? "is" : "are"} still in trouble: closing it changes nothing on them, and they open a new incident.`
          : "None of its VMs is in trouble. Closing it changes nothing on any of them."}
      </p>
      <TextField label="Reason, for the record (optional)" value={reason} onChange={setReason} maxLength={2_000} />
      <div className="flex flex-wrap items-center gap-2">
        <Button onClick={onDone}>Keep it open</Button>
        <Button tone="primary" disabled={cannotSend !== undefined || resolve.isPending} aria-busy={resolve.isPending} onClick={handleClose}>
          Close incident {incident.number}
        </Button>
        <p role="alert" className="text-sm">
          {cannotSend ?? resolve.error?.message}
        </p>
      </div>
    </section>
  );
}
