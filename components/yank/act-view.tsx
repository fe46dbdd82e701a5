import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import type { ActRecord } from "#lib/yank/act";
import type { VmDetail } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import { actQuery } from "../queries/acts.ts";
import { vmQuery } from "../queries/vm.ts";
import { useAsOf } from "../realtime/use-freshness.ts";
import { AlertDialogActions, AlertDialogBody } from "../ui/alert-dialog.tsx";
import { Button } from "../ui/button.tsx";
import { cx } from "../ui/cx.ts";
import { TextLink } from "../ui/text-link.tsx";
import { useFocusOnMount } from "../ui/use-focus-on-mount.ts";
import { VerdictLabel } from "../vm/verdict-label.tsx";
import { outcomeCounts } from "./act-words.ts";
import { TargetList } from "./target-list.tsx";
import { TargetResult } from "./target-result.tsx";

/** What became of it, fact by fact as they arrive; of several VMs one line each. */
export function ActView({ confirmed, onClose }: { confirmed: ActRecord; onClose: () => void }) {
  const { data: act } = useQuery({ ...actQuery(confirmed.actId), initialData: confirmed });
  const closeRef = useRef<HTMLButtonElement>(null);
  useFocusOnMount(closeRef);
  const [only, ...others] = act.targets;
  return (
    <>
      <AlertDialogBody>
        {only && others.length === 0 ? (
          <TargetResult act={act} target={only}>
            <HealthNow vmId={only.vmId} />
          </TargetResult>
        ) : (
          <>
            <p role="status" aria-label="Result" className="text-lg font-semibold text-strong first-letter:uppercase">
              {outcomeCounts(act)}
            </p>
            <TargetList act={act} />
          </>
        )}
      </AlertDialogBody>
      <AlertDialogActions>
        <p className="mr-auto text-xs text-quiet">
          Recorded in the audit as {act.who} · <TextLink href={`/acts/${act.actId}`}>act and evidence</TextLink>
        </p>
        <Button ref={closeRef} onClick={onClose}>
          {act.targets.some((target) => target.verdict === "pending") ? "Close, it goes on" : "Close"}
        </Button>
      </AlertDialogActions>
    </>
  );
}

/** The VM's verdict of now: the page that shows it is out of reach behind the dialog. */
function HealthNow({ vmId }: { vmId: VmId }) {
  const { data: vm } = useQuery({ ...vmQuery(vmId), enabled: false });
  return vm && <KnownHealth vm={vm} />;
}

function KnownHealth({ vm }: { vm: VmDetail }) {
  const { isStale } = useAsOf(vm);
  return (
    <div className="flex items-center gap-3 rounded-lg border border-line px-4 py-2">
      <span className="text-sm">The VM now</span>
      <div role="status" aria-label="Health" className={cx("min-w-0", isStale && "is-stale")}>
        {vm.endedAtMs === undefined ? (
          <VerdictLabel verdict={vm.health} isStale={isStale} />
        ) : (
          <span className="font-semibold text-strong">Ended{vm.endedReason ? `: ${vm.endedReason}` : ""}</span>
        )}
      </div>
    </div>
  );
}
