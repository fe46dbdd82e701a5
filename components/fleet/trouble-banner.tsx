import Link from "next/link";
import type { HealthKind } from "#lib/health/verdict";
import type { VmSummary } from "#lib/api/vm";
import { useAsOf } from "../realtime/use-freshness.ts";
import { buttonClass } from "../ui/button.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatUtcTime } from "../ui/format.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { verdictMeaning } from "../vm/verdict-words.ts";

/** Only trouble has a colour. */
export const TROUBLE_BORDER: Partial<Record<HealthKind, string>> = {
  "main-loop-hung": "border-hung/60",
  silent: "border-silent/60",
  "io-stalled": "border-io/60",
  "migration-stalled": "border-migration/60",
  "guest-stopped": "border-stopped/60",
};

const MANY: Partial<Record<HealthKind, string>> = {
  "main-loop-hung": "VMs are hung",
  silent: "VMs are silent",
  "io-stalled": "VMs wait on stalled I/O",
  "migration-stalled": "migrations are stalled",
  "guest-stopped": "guests were stopped by an error",
  unreachable: "VMs are unreachable",
};

const ONE: Partial<Record<HealthKind, string>> = {
  "main-loop-hung": "is hung",
  silent: "is silent",
  "io-stalled": "waits on stalled I/O",
  "migration-stalled": "has a stalled migration",
  "guest-stopped": "was stopped by an error",
  unreachable: "is unreachable",
};

/** The worst that is going on, in one sentence, with the way to it. */
export function TroubleBanner({ kind, count, longest }: { kind: HealthKind; count: number; longest: VmSummary }) {
  const { asOfMs, isStale } = useAsOf(longest);
  const title = count === 1 ? `${longest.name} ${ONE[kind] ?? ""}` : `${count} ${MANY[kind] ?? "VMs are in trouble"}`;
  const since = `${formatUtcTime(longest.health.sinceAtMs)}, ${formatAgeInWords(asOfMs - longest.health.sinceAtMs)}`;
  return (
    <section
      aria-label="Worst trouble"
      className={cx(
        "mb-3 flex flex-wrap items-center gap-x-4 gap-y-3 rounded-xl border bg-raised px-4 py-3 sm:px-5",
        TROUBLE_BORDER[kind] ?? "border-line-strong",
        isStale && "is-stale",
      )}
    >
      <VerdictIcon kind={kind} size={24} isMuted={isStale} />
      <div className="min-w-0 flex-1 basis-60">
        <p className="font-semibold text-strong">{isStale ? `When last heard: ${title}` : title}</p>
        <p className="text-body">
          {count === 1 ? `on ${longest.host} since ${since}` : `longest ${longest.name} on ${longest.host}, since ${since}`}
          <span className="max-md:hidden"> · {verdictMeaning(longest.health)}</span>
        </p>
      </div>
      <div className="flex gap-2">
        {count > 1 && (
          <Link href={`/?verdict=${kind}`} className={buttonClass()}>
            Show all {count}
          </Link>
        )}
        <Link href={`/vms/${longest.vmId}`} prefetch={false} className={buttonClass("primary")}>
          Open {longest.name.length > 24 ? "it" : longest.name}
        </Link>
      </div>
    </section>
  );
}
