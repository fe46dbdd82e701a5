import Link from "next/link";
import type { IncidentSummary } from "#lib/incident/incident";
import { useHubAsOf } from "../realtime/use-freshness.ts";
import { lastedWords, membersWords } from "../incident/incident-words.ts";
import { buttonClass } from "../ui/button.tsx";
import { cx } from "../ui/cx.ts";
import { formatUtcTime } from "../ui/format.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VERDICT_WORD } from "../vm/verdict-words.ts";
import { TROUBLE_BORDER } from "./trouble-banner.tsx";

/** What many VMs have in common, in one sentence, with the way to it; how many more there are stands below. */
export function IncidentBanner({ incident, moreCount }: { incident: IncidentSummary; moreCount: number }) {
  const { asOfMs, isStale } = useHubAsOf();
  const { title, worstKind, beganAtMs, hosts, incidentId, number } = incident;
  return (
    <section
      aria-label="Worst trouble"
      className={cx(
        "mb-3 flex flex-wrap items-center gap-x-4 gap-y-3 rounded-xl border bg-raised px-4 py-3 sm:px-5",
        TROUBLE_BORDER[worstKind] ?? "border-line-strong",
        isStale && "is-stale",
      )}
    >
      <VerdictIcon kind={worstKind} size={24} isMuted={isStale} />
      <div className="min-w-0 flex-1 basis-60 wrap-anywhere">
        <p className="font-semibold text-strong">{isStale ? `When last heard: ${title}` : title}</p>
        <p className="text-body">
          {[
            VERDICT_WORD[worstKind],
            `since ${formatUtcTime(beganAtMs)}, ${lastedWords(incident, asOfMs)}`,
            membersWords(incident),
            hosts.join(", "),
          ]
            .filter(Boolean)
            .join(" · ")}
        </p>
      </div>
      <div className="flex gap-2">
        {moreCount > 0 && (
          <Link href="/incidents" prefetch={false} className={buttonClass()}>
            {moreCount} more
          </Link>
        )}
        <Link href={`/incidents/${incidentId}`} prefetch={false} aria-label={`Open incident ${number}`} className={buttonClass("primary")}>
          Open incident
        </Link>
      </div>
    </section>
  );
}
