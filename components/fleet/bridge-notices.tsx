import { Info } from "lucide-react";
import type { BridgeView } from "#lib/api/vm";
import { useLink } from "../realtime/use-freshness.ts";
import { formatUtcTime } from "../ui/format.ts";

/** What the bridges have to say of themselves; what is wrong with their connection stands in the banner. */
export function BridgeNotices() {
  const { bridges } = useLink();
  const lines = bridges.flatMap(linesOf);
  if (lines.length === 0) return null;
  return (
    <ul aria-label="Notices of the hosts" className="mb-3 grid gap-1 rounded-xl border border-line px-4 py-3 text-sm sm:px-5">
      {lines.map(({ host, text }) => (
        <li key={`${host} ${text}`} className="flex items-baseline gap-2">
          <Info size={14} aria-hidden="true" className="shrink-0 translate-y-0.5 text-info" />
          <span className="min-w-0 wrap-anywhere">
            <span className="font-semibold text-strong">{host}</span> {text}
          </span>
        </li>
      ))}
    </ul>
  );
}

function linesOf({ host, notices, refused }: BridgeView): { host: string; text: string }[] {
  const lines = notices.map((text) => ({ host, text }));
  if (refused) lines.push({ host, text: `another bridge was turned away at ${formatUtcTime(refused.atMs)}: ${refused.reason}` });
  return lines;
}
