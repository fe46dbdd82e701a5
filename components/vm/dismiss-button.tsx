import { useDismissVm } from "../queries/acts.ts";
import type { VmId } from "#lib/vm/report";
import { Button } from "../ui/button.tsx";

/** For a VM whose process is gone: takes it off the list once somebody has seen it. Its page stays for a day. */
export function DismissButton({ vmId, cannotSend }: { vmId: VmId; cannotSend: string | undefined }) {
  const dismiss = useDismissVm();
  return (
    <div className="mt-3 flex flex-wrap items-center gap-3">
      <Button disabled={cannotSend !== undefined || dismiss.isPending || dismiss.isSuccess} onClick={() => dismiss.mutate(vmId)}>
        Seen: take it off the list
      </Button>
      <p role="status" className="text-sm">
        {cannotSend ?? (dismiss.isSuccess ? "Asked for; it leaves the list when its bridge says so" : (dismiss.error?.message ?? ""))}
      </p>
    </div>
  );
}
