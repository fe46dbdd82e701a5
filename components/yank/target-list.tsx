import Link from "next/link";
import type { ActRecord, ActTarget } from "#lib/yank/act";
import { OutcomeIcon } from "./outcome-icon.tsx";
import { outcome } from "./act-words.ts";
import type { OutcomeTone } from "./act-words.ts";

const TONE_CLASS: Record<OutcomeTone, string> = { open: "text-body", good: "text-good", plain: "text-body", bad: "text-hung" };

/** Each VM of one act with what is known of it now. */
export function TargetList({ act }: { act: ActRecord }) {
  return (
    <ul aria-label="VMs of this act" className="grid gap-1">
      {act.targets.map((target) => (
        <Target key={target.vmId} act={act} target={target} />
      ))}
    </ul>
  );
}

function Target({ act, target }: { act: ActRecord; target: ActTarget }) {
  const { title, tone } = outcome(act.action, target);
  return (
    <li className="flex items-start gap-2">
      <span className={`pt-0.5 ${TONE_CLASS[tone]}`}>
        <OutcomeIcon tone={tone} />
      </span>
      <p className="min-w-0 wrap-anywhere">
        <Link href={`/vms/${target.vmId}`} prefetch={false} className="rounded font-semibold text-strong hover:underline">
          {target.vmName}
        </Link>{" "}
        <span className="text-strong">{title}</span>
        {target.detail && <span className="block text-sm">{target.detail}</span>}
        {target.amendments?.map((amendment) => (
          <span key={`${amendment.atMs} ${amendment.text}`} className="block text-sm font-semibold text-hung first-letter:uppercase">
            {amendment.text}
          </span>
        ))}
      </p>
    </li>
  );
}
