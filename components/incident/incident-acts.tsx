import { useQuery } from "@tanstack/react-query";
import type { ActRecord } from "#lib/yank/act";
import { actQuery } from "../queries/acts.ts";
import { Card } from "../ui/card.tsx";
import { TextLink } from "../ui/text-link.tsx";
import { formatUtc } from "../ui/format.ts";
import { actName, outcomeCounts } from "../yank/act-words.ts";
import { TargetList } from "../yank/target-list.tsx";

/** What was done about it from here, each with the state of every VM as it becomes known. */
export function IncidentActs({ acts }: { acts: readonly ActRecord[] }) {
  return (
    <Card title="Acts" isFlush>
      {acts.length === 0 ? (
        <p className="px-4 py-3">No cord was pulled for it</p>
      ) : (
        <ol aria-label="Acts, newest first">
          {acts
            .toSorted((left, right) => right.createdAtMs - left.createdAtMs)
            .map((act) => (
              <Act key={act.actId} known={act} />
            ))}
        </ol>
      )}
    </Card>
  );
}

function Act({ known }: { known: ActRecord }) {
  const { data: act } = useQuery({ ...actQuery(known.actId), initialData: known });
  return (
    <li className="border-b border-line px-4 py-3 last:border-b-0">
      <p className="wrap-anywhere text-strong">
        <span className="font-semibold">{actName(act)}</span> · {outcomeCounts(act)}
      </p>
      <p className="text-sm wrap-anywhere">
        {formatUtc(act.createdAtMs)} by {act.who}
        {act.reason && ` · “${act.reason}”`} · <TextLink href={`/acts/${act.actId}`}>evidence</TextLink>
      </p>
      <div className="mt-2">
        <TargetList act={act} />
      </div>
    </li>
  );
}
