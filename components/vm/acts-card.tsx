import { useQuery } from "@tanstack/react-query";
import type { ActRecord, ActTarget } from "#lib/yank/act";
import type { VmId } from "#lib/vm/report";
import { vmActsQuery } from "../queries/vm.ts";
import { Card } from "../ui/card.tsx";
import { CommandSteps } from "../ui/command-steps.tsx";
import { formatDuration, formatUtc } from "../ui/format.ts";
import { TextLink } from "../ui/text-link.tsx";
import { OutcomeIcon } from "../yank/outcome-icon.tsx";
import { actTitle, outcome } from "../yank/act-words.ts";

/** What was done to this VM from here, and what came of it; newest first. */
export function ActsCard({ vmId }: { vmId: VmId }) {
  const acts = useQuery(vmActsQuery(vmId));
  return (
    <Card title="Past yanks" isFlush>
      {acts.isError && !acts.data ? (
        <p className="px-4 py-3">They could not be read: {acts.error.message}</p>
      ) : !acts.data ? (
        <p className="px-4 py-3">Reading the record</p>
      ) : acts.data.length === 0 ? (
        <p className="px-4 py-3">No cord was pulled on this VM</p>
      ) : (
        <ol aria-label="Past yanks, newest first">
          {acts.data.flatMap((act, index) =>
            act.targets
              .filter((target) => target.vmId === vmId)
              .map((target) => <ActRow key={act.actId} act={act} target={target} isNewest={index === 0} />),
          )}
        </ol>
      )}
    </Card>
  );
}

function ActRow({ act, target, isNewest }: { act: ActRecord; target: ActTarget; isNewest: boolean }) {
  const { title, tone } = outcome(act.action, target);
  return (
    <li className="flex gap-3 border-b border-line px-4 py-3 last:border-b-0">
      <span className={tone === "good" ? "pt-0.5 text-good" : tone === "bad" ? "pt-0.5 text-hung" : "pt-0.5 text-muted"}>
        <OutcomeIcon tone={tone} />
      </span>
      <div className="min-w-0 wrap-anywhere">
        <p className="text-strong">
          <span className="font-semibold">{actTitle(act, target)}</span> · {title}
        </p>
        <p className="text-sm">
          {formatUtc(act.createdAtMs)} by {act.who}
          {target.replyAfterMs !== undefined && ` · QEMU answered in ${formatDuration(target.replyAfterMs)}`}
          {act.reason && ` · “${act.reason}”`} · <TextLink href={`/acts/${act.actId}`}>evidence</TextLink>
        </p>
        {target.detail && <p className="text-sm first-letter:uppercase">{target.detail}</p>}
        {target.amendments?.map((amendment) => (
          <p key={`${amendment.atMs} ${amendment.text}`} className="text-sm font-semibold text-strong first-letter:uppercase">
            {amendment.text}
          </p>
        ))}
        {target.aftermath.map((line) => (
          <p key={line} className="text-sm">
            {line}
          </p>
        ))}
        {target.nextSteps && target.nextSteps.length > 0 && (
          <details className="mt-1" open={isNewest}>
            <summary className="w-fit rounded font-semibold text-strong">What now</summary>
            <div className="pt-2">
              <CommandSteps label="What now, in this order" steps={target.nextSteps} />
            </div>
          </details>
        )}
      </div>
    </li>
  );
}
